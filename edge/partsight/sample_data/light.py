"""Computes the brightness of metal from height and reflectance.

Normals come from the slopes of the height map, diffuse light from Lambert's cosine, the highlight
from the half vector of Blinn and Phong (Blinn 1977, "Models of light reflection for computer
synthesized pictures").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from partsight.sample_data.noise import Field, plane
from partsight.utils.opencv import cv2

__all__ = ["Light", "draw_light", "falloff", "shade"]


@dataclass(frozen=True, slots=True)
class Light:
    """One lamp over the line.

    Attributes:
        direction: unit vector towards the lamp: x right, y down, z to the camera.
        ambient: share of ambient light.
        gloss: strength of the highlight.
        shine: exponent of the highlight; larger values give a smaller highlight.
        nearness: change of the direction across the image.
        gradient_xy: relative change of brightness across half the image.
        tint: gain of blue, green and red, for the colour temperature.
    """

    direction: tuple[float, float, float]
    ambient: float
    gloss: float
    shine: float
    nearness: float
    gradient_xy: tuple[float, float]
    tint: tuple[float, float, float]


def draw_light(rng: np.random.Generator) -> Light:
    """A lamp at a random position, from cold daylight to warm incandescent."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(38, 62))
    flat = float(np.cos(elevation))
    direction = (flat * float(np.cos(azimuth)), flat * float(np.sin(azimuth)))
    warmth = rng.uniform(-0.1, 0.1)
    return Light(
        direction=(*direction, float(np.sin(elevation))),
        ambient=float(rng.uniform(0.16, 0.34)),
        gloss=float(rng.uniform(0.25, 0.6)),
        shine=float(rng.uniform(10, 32)),
        nearness=float(rng.uniform(0.05, 0.4)),
        gradient_xy=(float(rng.uniform(-0.2, 0.2)), float(rng.uniform(-0.2, 0.2))),
        tint=(float(1 - warmth), 1.0, float(1 + warmth)),
    )


def shade(height: Field, albedo: Field, light: Light) -> Field:
    """Brightness of the surface: float32 (H, W), about 0 to 1.5.

    Args:
        height: float32 (H, W), pixels.
        albedo: float32 (H, W).
        light: the lamp.
    """
    slope_x: Field = np.asarray(cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=0.125), np.float32)
    slope_y: Field = np.asarray(cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=0.125), np.float32)
    square = slope_x * slope_x + slope_y * slope_y + np.float32(1)
    length: Field = np.asarray(cv2.sqrt(square), np.float32)
    x, y, z = (np.float32(v) for v in light.direction)
    diffuse = np.maximum((z - slope_x * x - slope_y * y) / length, 0)
    highlight = _highlight(slope_x, slope_y, length, light)
    body = np.float32(light.ambient) + np.float32(0.62) * diffuse
    return np.asarray(albedo * (body + np.float32(light.gloss) * highlight))


def falloff(size_hw: tuple[int, int], light: Light, vignette: float) -> Field:
    """Gain over the image: the lamp's gradient times the lens's vignette; float32 (H, W)."""
    x, y = plane(size_hw)
    gain = 1 + x * np.float32(light.gradient_xy[0]) + y * np.float32(light.gradient_xy[1])
    return np.asarray(gain * (1 - np.float32(vignette) * (x * x + y * y)))


def _highlight(slope_x: Field, slope_y: Field, length: Field, light: Light) -> Field:
    # The lamp is near, so that the half vector changes across the image.
    grid_x, grid_y = plane((slope_x.shape[0], slope_x.shape[1]))
    near = np.float32(light.nearness)
    half = np.array(light.direction, np.float32) + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    half_x, half_y = half[0] - near * grid_x, half[1] - near * grid_y
    cosine = (half[2] - slope_x * half_x - slope_y * half_y) / length
    # The changed vector is longer than 1; without division the borders would be too bright.
    cosine /= cv2.sqrt(half_x * half_x + half_y * half_y + half[2] * half[2])
    return np.asarray(cv2.pow(np.maximum(cosine, 0), light.shine))
