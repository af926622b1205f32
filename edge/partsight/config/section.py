"""What the sections of the configuration share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from partsight.config.source_address import resolved_address

__all__ = ["Address", "Place", "Section"]


def _from_the_file(path: Path, info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("folder", ""), path)


def _address_from_the_file(address: str, info: ValidationInfo) -> str:
    return resolved_address(address, str((info.context or {}).get("folder", "")))


# A source's: a file or folder, of which a relative one starts at the configuration file, or not.
Address = Annotated[str, Field(min_length=1), AfterValidator(_address_from_the_file)]
# A relative one starts at the configuration file. Not strict: TOML has texts, not paths.
Place = Annotated[Path, Field(strict=False), AfterValidator(_from_the_file)]


class Section(BaseModel):
    """A table of the configuration: no unknown keys, no values of another type, no changes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, ser_json_inf_nan="constants"
    )
