"""Settings for the augmentation of training images."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

__all__ = ["AugmentSettings"]


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """Random changes of training images. All are off by default.

    Attributes:
        copies: augmented copies of each training image for a frozen backbone, in addition to
            the image; fine-tuning augments each image again in each epoch.
        flip_left_right, flip_up_down: mirror an image with a probability of 1/2.
        rotation: maximum angle in degrees, in both directions.
        shift: maximum share of the side, in both directions, on each axis.
        shear: maximum angle in degrees, on each axis.
        zoom: maximum zoom in or out, as a share of the side.
        crop: share of the side that is cut off, at a random place.
        brightness: maximum change up or down, as a share of the full range.
        contrast: maximum change up or down, as a share of the image's contrast.
    """

    copies: int = 3
    flip_left_right: bool = False
    flip_up_down: bool = False
    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    crop: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0

    @property
    def active(self) -> bool:
        """Whether any change is on."""
        return any(
            getattr(self, each.name) for each in dataclasses.fields(self) if each.name != "copies"
        )
