"""Any TF Hub image feature vector as a feature extractor.

A module follows TF Hub's image feature vector signature: float32 (N, H, W, 3), RGB in [0, 1], to
float32 (N, D). The scaling that the network needs is part of the module.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partsight.errors import ModelError
from partsight.image.spec import PreprocessSpec
from partsight.utils.progress import Progress, silent
from partsight.utils.redaction import redact_address, redact_text
from partsight_train.backbones.catalogue import catalogue_entry
from partsight_train.backbones.joined import Member, joined_saved_model, members_of
from partsight_train.backbones.locate import locate
from partsight_train.backbones.saved_model import Module, read_module
from partsight_train.network.test_time_augmentation import averaged_features
from partsight_train.network.tiles import Tiles, cut
from partsight_train.tensorflow_stack import hub, tf

__all__ = ["Backbone", "load_layer", "open_backbone"]

# Characters of TensorFlow's error messages, which can be pages long.
_MAX_MESSAGE = 300


@dataclass(frozen=True, slots=True, eq=False)
class Backbone:
    """A feature extractor, ready to use.

    Attributes:
        name: the handle, without secrets of an address.
        folder: the SavedModel.
        layer: the ``hub.KerasLayer``, frozen.
        spec: preprocessing of a whole image, whose height is R times and whose width is C times
            that of the network's input.
        feature_size: D, the length of a tile's feature vector.
        sha256: digest over the SavedModel's files.
        trainable: whether it can be fine-tuned.
        blocks: feature size of each joined backbone, in order; each has its own head. Empty for a
            single backbone.
        views: number of symmetries of a tile that its features are averaged over.
        tiles: R rows and C columns that an image is cut into.
    """

    name: str
    folder: Path
    layer: Any
    spec: PreprocessSpec
    feature_size: int
    sha256: str
    trainable: bool
    blocks: tuple[int, ...] = ()
    views: int = 1
    tiles: Tiles = (1, 1)

    @property
    def identity(self) -> str:
        """Identity of the features: equal identities and preprocessing give equal features."""
        views = "" if self.views == 1 else f"{self.views}-"
        tiles = "" if self.tiles == (1, 1) else "{}x{}-".format(*self.tiles)
        return f"{views}{tiles}{self.sha256}"

    @property
    def vector_size(self) -> int:
        """T * D, the length of an image's features: those of its tiles, concatenated."""
        return self.tiles[0] * self.tiles[1] * self.feature_size

    def features(self, images: Any) -> Any:
        """Return features float32 (T * N, D) of a tensor float32 (N, H, W, 3), RGB in [0, 1].

        The tiles are in the order of ``tiles.cut``.
        """
        return averaged_features(self.layer, cut(images, self.tiles), self.views)


def open_backbone(
    handle: str,
    image_size: int | None = None,
    progress: Progress = silent,
    cache: Path | None = None,
) -> Backbone:
    """Load a backbone.

    Args:
        handle: a name from ``catalogue.NAMED``, a SavedModel folder, a ``.tar.gz`` of one, or
            an address: http(s) as TF Hub serves modules, ``kaggle.com/models/...``, or a
            ``.tar.gz``, optionally with ``#sha256=...`` at its end. Several names and paths
            with ``+`` between them are joined.
        image_size: side of the network's input in pixels; None takes the module's own.
        progress: reports each mebibyte of a download.
        cache: folder of the cache; None for the default, see ``cache_dir``.

    Raises:
        ModelError: the backbone is not available, is not an image feature vector, or does not
            state its image size and none was given.
    """
    members = members_of(handle)
    if members:
        return _joined(
            handle,
            [open_backbone(each, None, progress, cache) for each in members],
            image_size,
            cache,
        )
    folder = locate(handle, image_size, progress, cache)
    try:
        module = read_module(folder)
        layer = load_layer(folder, module)
    except ModelError as error:
        raise _refused(handle, str(error)) from error
    except Exception as error:  # noqa: BLE001 - TensorFlow has no common exception class
        raise _refused(handle, f"TensorFlow cannot load it: {_brief(error)}") from error
    entry = catalogue_entry(handle)
    size = image_size or module.image_size or (entry.image_size if entry else None)
    if size is None:
        raise _refused(handle, "the module does not state its image size; give --image-size")
    return Backbone(
        redact_address(handle),
        folder,
        layer,
        PreprocessSpec(size, size),
        _feature_size(handle, layer, module, size),
        _digest(folder),
        _is_trainable(layer, module),
    )


def _joined(
    handle: str, members: list[Backbone], image_size: int | None, cache: Path | None
) -> Backbone:
    """Join several backbones to one, whose image size is the largest of theirs."""
    for member in members:
        if not member.trainable:
            raise _refused(
                handle,
                f"{member.name} cannot be joined: it has no trainable variables, like all modules "
                "of TensorFlow 1",
            )
    size = image_size or max(member.spec.height for member in members)
    folder, digest = joined_saved_model(
        [Member(member.layer, member.spec.height, member.sha256) for member in members],
        size,
        cache,
    )
    blocks = tuple(member.feature_size for member in members)
    layer = load_layer(folder)
    spec = PreprocessSpec(size, size)
    name = redact_address(handle)
    return Backbone(name, folder, layer, spec, sum(blocks), digest, True, blocks)


def load_layer(folder: Path, module: Module | None = None, *, trainable: bool = False) -> Any:
    """Return the ``hub.KerasLayer`` of a SavedModel folder; ``module`` saves reading it again."""
    module = module or read_module(folder)
    return hub.KerasLayer(
        str(folder),
        trainable=trainable,
        tags=list(module.tags),
        signature=module.signature,
        output_key=module.output,
    )


def _is_trainable(layer: Any, module: Module) -> bool:
    """Whether fine-tuning is possible: only for callable modules with trainable variables."""
    variables = getattr(layer.resolved_object, "trainable_variables", ())
    return module.signature is None and bool(variables)


def _feature_size(handle: str, layer: Any, module: Module, size: int) -> int:
    """Run one black image: the only certain proof that the module returns a feature vector."""
    try:
        features = layer(tf.zeros((1, size, size, 3)))
    except Exception as error:  # noqa: BLE001 - TensorFlow has no common exception class
        takes = f"; its signature takes {module.takes}" if module.takes else ""
        reason = f"it does not take a {size}x{size} image{takes}: {_brief(error)}"
        raise _refused(handle, reason) from error
    if not tf.is_tensor(features) or features.shape.rank != 2:
        shape = getattr(features, "shape", type(features).__name__)
        raise _refused(handle, f"it gives {shape} for an image, not one feature vector")
    return int(features.shape[1])


def _brief(error: BaseException) -> str:
    message = " ".join(str(error).split())
    return message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]} ..."


def _digest(folder: Path) -> str:
    """Return SHA-256 over graph and variables; other files of the folder do not count."""
    digest = hashlib.sha256()
    for path in sorted([folder / "saved_model.pb", *folder.glob("variables/*")]):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _refused(handle: str, reason: str) -> ModelError:
    return ModelError(
        f"cannot use {redact_address(handle)} as a backbone: {redact_text(reason)}. Expected a TF "
        "Hub image feature vector, or a name that 'partsight backbones' lists."
    )
