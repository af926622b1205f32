"""Several backbones joined to one: their features of the same image, concatenated.

Networks make different errors. Each has its own head (``heads.fit_head``), and the mean of their
logits is right more often than any of them. On the device they are one network, which takes as long
as its members together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partsight.utils.native_output import suppressed_stderr
from partsight_train.backbones.cached_build import build_once
from partsight_train.backbones.catalogue import NAMED
from partsight_train.cache_dir import cache_dir
from partsight_train.tensorflow_stack import tf

__all__ = ["Member", "joined_saved_model", "members_of"]

# To be incremented when the way of joining changes.
_VERSION = 2


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One of the joined backbones.

    Attributes:
        layer: function from float32 (N, S, S, 3), RGB in [0, 1], to float32 (N, D).
        image_size: S, side in pixels.
        sha256: digest over its files.
    """

    layer: Any
    image_size: int
    sha256: str


def members_of(handle: str) -> list[str]:
    """Return the handles that a handle joins by ``+``, or none for a single backbone.

    A ``+`` joins only names of the catalogue and existing paths, because addresses and folders
    may contain one.
    """
    parts = handle.split("+")
    if len(parts) == 1 or Path(handle).exists():
        return []
    known = all(part in NAMED or (part and Path(part).exists()) for part in parts)
    return parts if known else []


def joined_saved_model(
    members: Sequence[Member], image_size: int, cache: Path | None = None
) -> tuple[Path, str]:
    """Return the SavedModel of joined members; create it first if it is not in the cache.

    Args:
        members: two or more.
        image_size: side of the image in pixels; it is resized for members of another size.
        cache: folder of the cache; None for the default, see ``cache_dir``.

    Returns:
        The folder, and a digest of everything that it depends on.
    """
    parts = [f"{member.sha256} {member.image_size}" for member in members]
    digest = hashlib.sha256(f"{_VERSION} {image_size} {parts}".encode()).hexdigest()
    folder = cache_dir(cache) / "backbones" / f"joined-{digest[:32]}"
    return build_once(folder, lambda temporary: _save(members, image_size, temporary)), digest


def _save(members: Sequence[Member], image_size: int, folder: Path) -> Path:
    """Save in the format of TF Hub modules: a call function, variables, a serving signature."""

    def features(image: Any) -> Any:
        return tf.concat([member.layer(resized(image, member)) for member in members], 1)

    def resized(image: Any, member: Member) -> Any:
        side = member.image_size
        return image if side == image_size else tf.image.resize(image, (side, side))

    layers = [member.layer for member in members]
    module = tf.train.Checkpoint(members=layers)
    module.variables = [each for layer in layers for each in layer.variables]
    module.trainable_variables = _by_depth(
        [layer.resolved_object.trainable_variables for layer in layers]
    )
    image_spec = tf.TensorSpec((None, image_size, image_size, 3), tf.float32, "image")
    module.__call__ = tf.function(features, [image_spec])
    with suppressed_stderr():
        tf.saved_model.save(module, str(folder), signatures={"serving_default": module.__call__})
    return folder


def _by_depth(members: Sequence[Sequence[Any]]) -> list[Any]:
    """Return the variables of all members, sorted by relative depth.

    Fine-tuning of the top takes the last variables, which should come from all members.
    """
    placed = [
        (place / len(variables), variable)
        for variables in members
        for place, variable in enumerate(variables, 1)
    ]
    return [variable for _, variable in sorted(placed, key=lambda each: each[0])]
