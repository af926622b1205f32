"""Renders one image of the sample set from its label, its index and a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partsight.sample_data.defects import KINDS, damage
from partsight.sample_data.families import draw_blank
from partsight.sample_data.finish import finish
from partsight.sample_data.part import machine
from partsight.sample_data.scene import photograph

__all__ = ["LABELS", "kind_of", "render_part"]

LABELS = ("defected", "healthy")


def kind_of(label: str, index: int) -> str:
    """The kind of the image: ``good``, or the first defect, which alternates with the index.

    Raises:
        ValueError: an unknown label or a negative index.
    """
    if label not in LABELS:
        raise ValueError(f"label must be one of {', '.join(LABELS)}. Received: {label!r}")
    if index < 0:
        raise ValueError(f"index must be 0 or more. Received: {index}")
    return "good" if label == "healthy" else KINDS[index % len(KINDS)]


def render_part(label: str, index: int, seed: int = 0) -> NDArray[np.uint8]:
    """Render a part with a random light, pose and background.

    The image depends only on the three arguments, so that a larger set contains the images of a
    smaller one. Family, finish, light, pose and background have the same distributions for both
    labels.

    Args:
        label: one of ``LABELS``.
        index: number of the image within its label, from 0.
        seed: number of the set, 0 or more.

    Returns:
        uint8 (240, 320, 3), BGR.

    Raises:
        ValueError: an unknown label, or a negative index or seed.
    """
    kind = kind_of(label, index)
    if seed < 0:
        raise ValueError(f"seed must be 0 or more. Received: {seed}")
    rng = np.random.default_rng(np.random.SeedSequence([seed, LABELS.index(label), index]))
    part = finish(machine(draw_blank(rng), chamfer_px=float(rng.uniform(4, 8))), rng)
    if kind != "good":
        part = damage(part, kind, rng)
    return photograph(part, rng)
