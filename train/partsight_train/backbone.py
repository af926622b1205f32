"""Any TF Hub image feature vector as a feature extractor: one door for all of them.

Enters: the name of an embedded backbone, a SavedModel folder, a ``.tar.gz`` of one, or an
address that serves one as TF Hub does. Leaves: a ``Backbone``. Called by training.

A module follows TF Hub's image feature vector signature: float32 (N, H, W, 3), RGB in
[0, 1], to float32 (N, D). Its own scaling lies inside it.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partsight.errors import ModelError
from partsight.preprocess_spec import PreprocessSpec
from partsight_train.cache_dir import cache_dir
from partsight_train.catalogue import EMBEDDED
from partsight_train.embedded import embedded_saved_model
from partsight_train.tensorflow_stack import hub, tf

__all__ = ["Backbone", "load_layer", "open_backbone"]


@dataclass(frozen=True, slots=True, eq=False)
class Backbone:
    """A feature extractor, ready to use.

    Attributes:
        name: as the user gave it.
        folder: the SavedModel that was loaded.
        layer: the ``hub.KerasLayer``, frozen.
        spec: the preprocessing that its input needs.
        feature_size: D, the length of a feature vector.
        sha256: digest over the SavedModel's files.
        views: how many views of a picture its features are the mean of.
    """

    name: str
    folder: Path
    layer: Any
    spec: PreprocessSpec
    feature_size: int
    sha256: str
    views: int = 1

    @property
    def identity(self) -> str:
        """Features of one identity, after the same preprocessing, are alike."""
        return self.sha256 if self.views == 1 else f"{self.views}-{self.sha256}"


def open_backbone(handle: str, image_size: int | None = None) -> Backbone:
    """Load a backbone.

    Args:
        handle: a name from ``EMBEDDED``, a folder, a ``.tar.gz``, or an http(s) address.
        image_size: pixels a side, for modules that do not tell.

    Raises:
        ModelError: it cannot be had, is no image feature vector, or does not tell its
            size and none was given.
    """
    folder = _locate(handle, image_size)
    try:
        layer = load_layer(folder)
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise _refused(handle, f"TensorFlow cannot load it: {error}") from error
    size = image_size or _declared_size(layer)
    if size is None:
        raise _refused(handle, "the module does not tell its image size; give --image-size")
    return Backbone(
        handle,
        folder,
        layer,
        PreprocessSpec(size, size),
        _feature_size(handle, layer, size),
        _digest(folder),
    )


def load_layer(folder: Path, *, trainable: bool = False) -> Any:
    """The ``hub.KerasLayer`` of a SavedModel folder."""
    return hub.KerasLayer(str(folder), trainable=trainable)


def _locate(handle: str, image_size: int | None) -> Path:
    """The SavedModel folder behind a handle; fetched or unpacked into the cache at need."""
    if handle in EMBEDDED:
        return embedded_saved_model(handle, image_size)
    if "://" in handle:
        # A cache of partsight's own; TF Hub's default is a temporary folder.
        os.environ.setdefault("TFHUB_CACHE_DIR", str(cache_dir() / "tfhub"))
        try:
            return Path(hub.resolve(handle))
        except (OSError, ValueError, EOFError, tarfile.TarError, tf.errors.OpError) as error:
            raise _refused(handle, f"it cannot be fetched: {error}") from error
    path = Path(handle)
    if path.is_file():
        return _unpack(path)
    if path.is_dir():
        return path
    raise _refused(handle, f"no such file or folder; embedded are {', '.join(EMBEDDED)}")


def _unpack(archive: Path) -> Path:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    folder = cache_dir() / "unpacked" / digest
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        inner = Path(aside) / "module"
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(inner, filter="data")
        except (OSError, EOFError, tarfile.TarError) as error:
            raise _refused(str(archive), f"it cannot be unpacked: {error}") from error
        inner.rename(folder)
    return folder


def _declared_size(layer: Any) -> int | None:
    """The side that the module's serving signature asks for, where it names one."""
    signature = getattr(layer.resolved_object, "signatures", {}).get("serving_default")
    if signature is None:
        return None
    for spec in signature.structured_input_signature[1].values():
        if spec.shape.rank == 4 and spec.shape[1] and spec.shape[1] == spec.shape[2]:
            return int(spec.shape[1])
    return None


def _feature_size(handle: str, layer: Any, size: int) -> int:
    """Run one black picture: the only sure way to know that this is a feature vector."""
    try:
        features = layer(tf.zeros((1, size, size, 3)))
    except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
        raise _refused(handle, f"it does not take a {size}x{size} picture: {error}") from error
    if not tf.is_tensor(features) or features.shape.rank != 2:
        shape = getattr(features, "shape", type(features).__name__)
        raise _refused(handle, f"it gives {shape} for a picture, not one feature vector")
    return int(features.shape[1])


def _digest(folder: Path) -> str:
    """SHA-256 over the graph and the variables; other files of the folder do not count."""
    digest = hashlib.sha256()
    for path in sorted([folder / "saved_model.pb", *folder.glob("variables/*")]):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _refused(handle: str, reason: str) -> ModelError:
    return ModelError(
        f"cannot use {handle} as a backbone: {reason}. Expected the name of an embedded one, or "
        "a TF Hub image feature vector as SavedModel folder, .tar.gz or http(s) address."
    )
