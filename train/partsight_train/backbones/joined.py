"""Several backbones as one: their features of the same picture, side by side.

Enters: the SavedModel folders of the members. Leaves: one SavedModel folder, as any other
backbone. Called by ``backbone`` for handles such as ``efficientnet-lite0+efficientnet-lite2``.

Networks err on different pictures. Each has a head of its own (``heads.fit_head``), and the mean
of their logits is right more often than either. On the device they are one network, which takes
as long as its members together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partsight_train.backbones.cached_build import made_once
from partsight_train.backbones.catalogue import NAMED
from partsight_train.tensorflow_stack import tf

__all__ = ["Member", "joined_saved_model", "members_of"]

# Raised when the way that members are joined changes.
_VERSION = 2


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One of them.

    Attributes:
        layer: from float32 (N, S, S, 3), RGB in [0, 1], to float32 (N, D).
        image_size: S, pixels a side.
        sha256: digest over its files.
    """

    layer: Any
    image_size: int
    sha256: str


def members_of(handle: str) -> list[str]:
    """The handles that a handle joins by ``+``; none where it is that of one backbone.

    A ``+`` joins only names of the catalogue and paths that are there, since addresses and
    folders may have one in their own names.
    """
    parts = handle.split("+")
    if len(parts) == 1 or Path(handle).exists():
        return []
    known = all(part in NAMED or (part and Path(part).exists()) for part in parts)
    return parts if known else []


def joined_saved_model(
    members: Sequence[Member], image_size: int, cache: Path | None = None
) -> tuple[Path, str]:
    """The SavedModel of members side by side, made first where the cache lacks it.

    Args:
        members: two or more.
        image_size: pixels a side of the picture; a member of another size is shown it resized.
        cache: folder of the cache; None for the default, see ``cache_dir``.

    Returns:
        The folder, and a digest that says what it was made from.
    """
    parts = [f"{member.sha256} {member.image_size}" for member in members]
    digest = hashlib.sha256(f"{_VERSION} {image_size} {parts}".encode()).hexdigest()
    folder = made_once(
        f"joined-{digest[:32]}", lambda folder: _save(members, image_size, folder), cache
    )
    return folder, digest


def _save(members: Sequence[Member], image_size: int, folder: Path) -> None:
    """As TF Hub's modules are: one call, its variables, a serving signature."""

    def features(image: Any) -> Any:
        return tf.concat([member.layer(_resized(image, member)) for member in members], 1)

    def _resized(image: Any, member: Member) -> Any:
        side = member.image_size
        return image if side == image_size else tf.image.resize(image, (side, side))

    layers = [member.layer for member in members]
    module = tf.train.Checkpoint(members=layers)
    module.variables = [each for layer in layers for each in layer.variables]
    module.trainable_variables = _by_depth(
        [layer.resolved_object.trainable_variables for layer in layers]
    )
    picture = tf.TensorSpec((None, image_size, image_size, 3), tf.float32, "image")
    module.__call__ = tf.function(features, [picture])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.__call__})


def _by_depth(members: Sequence[Sequence[Any]]) -> list[Any]:
    """The variables of all members, the lowest of each first.

    Fine-tuning of the upper part takes the last of them, which one behind another would be the
    last member's alone.
    """
    placed = [
        (place / len(variables), variable)
        for variables in members
        for place, variable in enumerate(variables, 1)
    ]
    return [variable for _, variable in sorted(placed, key=lambda each: each[0])]
