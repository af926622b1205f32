"""Public Python interface: ``Classifier``, documented in docs/python.md.

Inside partsight, code uses the engine, ``inference.classifier``, and ``qualification.load``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from partsight.batch.classify_files import classify_inputs
from partsight.config.location import PUBLIC_KEY_VARIABLE, RUNTIME_VARIABLE, find_config
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
        threads: int = 1,
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
                environment variable ``PARTSIGHT_RUNTIME``, else the preferred one of those
                installed.
            threads: number of threads that the runtime may use for one image.
            public_key: path of the public key that the model must be signed with. Default: the
                environment variable ``PARTSIGHT_PUBLIC_KEY``, else ``model.public_key`` of the
                configuration, else any model is accepted.
            trusted: whether to skip the checks of ``qualification.load.load_classifier``, for a
                model that the caller has made or checked.
            overrides: facts that a third-party model does not contain.
            warn: see ``load_classifier``.

        Raises:
            ConfigError: the device has a configuration that cannot be read.
            PartsightError: see ``load_classifier``.
        """
        options = RuntimeOptions(runtime or os.environ.get(RUNTIME_VARIABLE) or None, threads)
        if trusted:
            loaded = Engine.open(model, options, overrides=overrides)
        else:
            trust = _trust_policy(public_key, os.environ)
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


def _trust_policy(public_key: str | Path | None, environ: Mapping[str, str]) -> TrustPolicy:
    """Key that models must be signed with: the given one, else that of the device."""
    key = public_key or environ.get(PUBLIC_KEY_VARIABLE)
    if key:
        return TrustPolicy(Path(key))
    path = find_config(environ)
    if path is None:
        return TrustPolicy(None)
    from partsight.config.file import read_config

    return TrustPolicy(read_config(path).model.public_key)
