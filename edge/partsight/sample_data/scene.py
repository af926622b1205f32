"""Photographs a part: pose, light, shadow, background, lens and sensor of an ordinary camera."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.sample_data.background import draw_background
from partsight.sample_data.light import Light, draw_light, falloff, shade
from partsight.sample_data.noise import Field, grain
from partsight.sample_data.part import Part
from partsight.sample_data.pose import draw_pose
from partsight.utils.opencv import cv2

__all__ = ["SIZE_HW", "photograph"]

SIZE_HW = (240, 320)
# Light is computed at a higher resolution, so that highlights do not alias.
_FINE_HW = (300, 400)
# Blue, green and red of steel, zinc plate, stainless, aluminium, brass and bronze.
_METALS = (
    (0.78, 0.76, 0.74),
    (0.72, 0.76, 0.76),
    (0.7, 0.7, 0.7),
    (0.86, 0.85, 0.84),
    (0.42, 0.67, 0.78),
    (0.42, 0.54, 0.68),
)


def photograph(part: Part, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The image of a part: uint8 (240, 320, 3), BGR."""
    light = draw_light(rng)
    maps = cv2.merge([part.mask, part.height, part.albedo])
    pose = draw_pose(part.blank, rng, _FINE_HW)
    posed = np.asarray(cv2.warpPerspective(maps, pose, _FINE_HW[::-1]))
    mask, height, albedo = _split(posed)
    layers = cv2.merge([mask, shade(height, albedo, light) * mask, _shadow(mask, light, rng)])
    layers = cv2.resize(layers, SIZE_HW[::-1], interpolation=cv2.INTER_AREA)
    mask, metal, shadow = _split(np.asarray(layers))
    ground, ground_colour = draw_background(rng, SIZE_HW)
    metal_colour = _METALS[int(rng.integers(len(_METALS)))]
    seen = ((ground * (1 - mask) * (1 - shadow), ground_colour), (metal, metal_colour))
    return _expose(seen, light, rng)


def _split(layers: NDArray[Any]) -> tuple[Field, Field, Field]:
    first, second, third = (np.asarray(plane, np.float32) for plane in cv2.split(layers))
    return first, second, third


def _shadow(mask: Field, light: Light, rng: np.random.Generator) -> Field:
    """The share of light that the part takes from the background: float32 (H, W), 0 to 1."""
    reach = rng.uniform(6, 14)
    move = np.array([[1, 0, -light.direction[0] * reach], [0, 1, -light.direction[1] * reach]])
    cast = cv2.warpAffine(mask, move, mask.shape[::-1])
    # Half the resolution is enough for a soft shadow.
    small = cv2.resize(cast, (mask.shape[1] // 2, mask.shape[0] // 2))
    small = cv2.GaussianBlur(small, (0, 0), rng.uniform(2, 4.5))
    return np.asarray(cv2.resize(small, mask.shape[::-1]) * np.float32(rng.uniform(0.55, 0.8)))


def _expose(
    layers: tuple[tuple[Field, tuple[float, ...]], ...], light: Light, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Convert the sum of coloured layers to bytes: lens, exposure, white balance and sensor."""
    gain = falloff(SIZE_HW, light, vignette=float(rng.uniform(0.05, 0.35)))
    gain *= np.float32(rng.uniform(0.82, 1.12) * 255)
    sigma = float(rng.uniform(0.3, 0.7))
    # Colour is applied last: an operation on a layer costs a third of one on a colour image.
    planes = [(cv2.GaussianBlur(layer * gain, (0, 0), sigma), colour) for layer, colour in layers]
    # The same noise for all channels: the luminance noise after demosaicing a Bayer sensor.
    noise = grain(rng, SIZE_HW) * np.float32(rng.uniform(1, 4))
    channels = []
    for i, balance in enumerate(light.tint):
        channel = noise.copy()
        for layer, colour in planes:
            channel += layer * np.float32(colour[i] * balance)
        channels.append(np.clip(channel, 0, 255).astype(np.uint8))
    return np.asarray(cv2.merge(channels))
