"""What the sections of the configuration share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

__all__ = ["Place", "Section"]


def _from_the_file(path: Path, info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("folder", ""), path)


# A relative one starts at the configuration file. Not strict: TOML has texts, not paths.
Place = Annotated[Path, Field(strict=False), AfterValidator(_from_the_file)]


class Section(BaseModel):
    """A table of the configuration: no unknown keys, no values of another type, no changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
