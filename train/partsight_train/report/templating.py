"""How partsight's pages are made: by Jinja, everything escaped, nothing undefined let through."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import jinja2
from numpy.typing import NDArray

from partsight.decode import decode
from partsight.errors import ImageError
from partsight.opencv import cv2
from partsight.preprocess_spec import PreprocessSpec
from partsight_train.report.text import FILTERS

__all__ = ["data_address", "shrunk", "template", "thumbnail"]

_JPEG = [int(cv2.IMWRITE_JPEG_QUALITY), 85]


def template(name: str, package: str = "partsight_train.report") -> jinja2.Template:
    """A template of a package; what it includes may also be the report's."""
    packages = dict.fromkeys((package, "partsight_train.report"))
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(each, "templates") for each in packages]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment.get_template(name)


def thumbnail(path: Path, side: int) -> str | None:
    """A picture file as a data address; None where it cannot be read any more."""
    try:
        return data_address(shrunk(decode(path, PreprocessSpec(side, side)), side))
    except ImageError:
        return None


def shrunk(image_bgr: NDArray[Any], side: int) -> NDArray[Any]:
    """A picture of at most this many pixels a side, in its own proportions."""
    scale = min(1.0, side / max(image_bgr.shape[:2]))
    return cv2.resize(image_bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def data_address(image_bgr: NDArray[Any]) -> str:
    """A picture, uint8 (H, W, 3), as a JPEG inside an address."""
    _, data = cv2.imencode(".jpg", image_bgr, _JPEG)
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
