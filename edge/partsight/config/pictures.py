"""``[pictures]``: which frames are kept, and for how long."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from partsight.config.section import Place, Section

__all__ = ["PicturesConfig"]


class PicturesConfig(Section):
    """Which frames are kept, and for how long. The oldest go first."""

    folder: Place | None = Field(
        default=None,
        description="Gets the frames of rejected and reviewed parts, in a folder a day; none are "
        "kept if left out. A relative path starts at the configuration file.",
    )
    keep_accepts: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.01, description="The share of accepted parts whose frames are kept too."
    )
    annotate: bool = Field(
        default=True,
        description="Write beside each frame a smaller one for people, with the verdict, the "
        "score, the part and the heat map on it.",
    )
    format: Literal["jpg", "png"] = Field(
        default="jpg",
        description="Of the frames; png loses nothing, and takes ten times the room and time.",
    )
    quality: Annotated[int, Field(ge=1, le=100)] = Field(
        default=95, description="Of frames in jpg."
    )
    max_age_days: PositiveInt = Field(default=90, description="Older ones are removed.")
    max_count: PositiveInt = Field(
        default=200_000, description="Parts whose frames are kept at most."
    )
    min_free_bytes: PositiveInt = Field(
        default=500_000_000,
        description="Of the disk, what stays free for the journal: old frames are removed for it, "
        "and where there are none left, no new ones are kept.",
    )
