"""``[pictures]``: the frames that are kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from partsight.config.section import ConfigPath, Section, key

__all__ = ["PicturesConfig"]


class PicturesConfig(Section):
    """The frames that are kept. The oldest are removed first."""

    folder: ConfigPath | None = key(
        None,
        "Folder for frames of rejected and reviewed parts, with a sub-folder per day. Default: no "
        "frames are kept.",
    )
    keep_accepts: Annotated[float, Field(ge=0, le=1)] = key(
        0.01, "Share of accepted parts whose frames are also kept."
    )
    annotate: bool = key(True, "Also write a smaller image with verdict, score, part and heat map.")
    format: Literal["jpg", "png"] = key(
        "jpg", "File format; png is lossless and ten times as large."
    )
    quality: Annotated[int, Field(ge=1, le=100)] = key(95, "JPEG quality.")
    max_age_days: PositiveInt = key(90, "Days after which frames are removed.")
    max_count: PositiveInt = key(200_000, "Parts whose frames are kept at most.")
    min_free_bytes: PositiveInt = key(
        500_000_000,
        "Free disk space that is left for the journal. With less, the oldest frames are removed; "
        "if that is not enough, new frames are not kept.",
    )
