"""Base class, types and keys of the sections of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from partsight.config.source_address import resolved_address

__all__ = ["SourceAddress", "ConfigPath", "Section", "key"]


def _from_the_file(path: Path, info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("folder", ""), path)


def _address_from_the_file(address: str, info: ValidationInfo) -> str:
    return resolved_address(address, str((info.context or {}).get("folder", "")))


# Address of a source. If it is a relative path, it starts at the folder of the configuration file.
SourceAddress = Annotated[str, Field(min_length=1), AfterValidator(_address_from_the_file)]
# Path; a relative one starts at the folder of the configuration file. Not strict: TOML has texts.
ConfigPath = Annotated[Path, Field(strict=False), AfterValidator(_from_the_file)]


class Section(BaseModel):
    """A table of the configuration. It has no unknown keys and no values of another type."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, ser_json_inf_nan="constants"
    )


def key(default: Any, description: str, **limits: Any) -> Any:
    """Define a key of a section.

    Args:
        default: value if the key is left out; ``...`` for a required key.
        description: text for the template and the reference.
        limits: see ``pydantic.Field``.
    """
    return Field(default, description=description, **limits)
