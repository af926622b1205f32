"""Public Python interface: ``Classifier``, documented in docs/python.md.

Inside partsight, code uses the engine, ``inference.classifier``, and ``qualification.load``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from partsight.batch.classify_files import classify_inputs
from partsight.deploy.device import open_device
from partsight.image_files.walk import LeftOut
from partsight.inference.classifier import Classifier as Engine
from partsight.inference.runtimes import RuntimeOptions
from partsight.model.third_party import ModelOverrides
from partsight.qualification.load import load_classifier
from partsight.qualification.trust import TrustPolicy
from partsight.records import ImageResult

__all__ = ["Classifier"]

logger = logging.getLogger(__name__)


class Classifier(Engine):
    """A model that classifies images, files and folders.

    Not for two threads at once; load one for each thread.

    Attributes:
        contract: labels, preprocessing, operating point and provenance.
        model_sha256: SHA-256 of the whole model file, hexadecimal.
    """

    @classmethod
    def load(
        cls,
        model: str | Path | bytes,
        *,
        runtime: str | None = None,
        threads: int | None = None,
        public_key: str | Path | None = None,
        trusted: bool = False,
        overrides: ModelOverrides | None = None,
        warn: Callable[[str], object] = logger.warning,
    ) -> Classifier:
        """Load a model and check it against its contract.

        An argument wins over the environment, and the environment over the device's configuration:
        the file that ``PARTSIGHT_CONFIG`` names, else ``/etc/partsight/partsight.toml``.

        Args:
            model: path of the model file, or its bytes.
            runtime: name of the TFLite runtime, ``litert`` or ``tflite-runtime``. Default: the
                environment variable ``PARTSIGHT_RUNTIME``, else ``runtime`` in ``[model]`` of the
                configuration, else the preferred one of those installed.
            threads: number of threads that the runtime may use for one image. Default: ``threads``
                in ``[model]``, else 1.
            public_key: path of the public key that the model must be signed with. Default: the
                environment variable ``PARTSIGHT_PUBLIC_KEY``, else ``public_key`` in
                ``[model]``, else any model is accepted.
            trusted: whether to skip the checks of ``qualification.load.load_classifier``, for a
                model that the caller has made or checked.
            overrides: facts that a third-party model does not contain. Default of their
                ``bit_depth``: the one in ``[model]``.
            warn: see ``load_classifier``.

        Raises:
            ConfigError: the device has a configuration that cannot be read.
            PartsightError: see ``load_classifier``.
        """
        device = open_device()
        options = RuntimeOptions(
            runtime or device.options.runtime,
            device.options.threads if threads is None else threads,
        )
        overrides = device.overrides(overrides)
        if trusted:
            loaded = Engine.open(model, options, overrides=overrides)
        else:
            trust = TrustPolicy(Path(public_key)) if public_key else device.trust
            loaded = load_classifier(model, trust, options, overrides=overrides, warn=warn)
        return cls(loaded.model, loaded.interpreter)

    def classify_files(
        self, paths: Iterable[str | os.PathLike[str]], *, workers: int | None = None
    ) -> Iterator[ImageResult]:
        """Classify image files, several at once.

        Args:
            paths: files, folders, patterns, lists, archives and videos, as on the command line.
            workers: number of threads, each with an interpreter of its own; None is one per core.

        Yields:
            One result per image, in order: a prediction and verdict, or an error. Memory stays
            bounded for any number of images. Files in folders that are not read are counted in a
            warning at the end.
        """
        # Archives and videos need packages that a line never does.
        from partsight.inputs.open import open_inputs

        left_out = LeftOut()
        inputs = open_inputs((os.fspath(path) for path in paths), left_out=left_out)
        for _, result in classify_inputs(self, inputs, workers=workers):
            yield result
        for cycle in left_out.cycles():
            logger.warning("%s", cycle)
        if (text := left_out.text()) is not None:
            logger.warning("%s", text)
