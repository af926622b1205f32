"""What must never be printed: passwords, by the name of their key or inside an address."""

from __future__ import annotations

import re
from typing import Any

from pydantic import SecretStr

__all__ = ["HIDDEN", "is_secret", "shown"]

HIDDEN = "***"
# Names of keys that hold a secret; password_file and password_env only say where it is.
_NAMES = re.compile(r"(password|passphrase|secret|token|api_key)(\[\d+\])?$")
_IN_ADDRESS = re.compile(r"(\w://[^/@\s:]*):[^/@\s]*@")


def is_secret(name: str, value: object = None) -> bool:
    """Whether the value of a key must not be printed."""
    return isinstance(value, SecretStr) or _NAMES.search(name) is not None


def shown(name: str, value: Any) -> Any:
    """A value as it may be printed.

    Args:
        name: of its key, with or without its sections.
        value: texts, numbers, lists and tables of them.
    """
    if isinstance(value, dict):
        return {key: shown(str(key), each) for key, each in value.items()}
    if value is not None and is_secret(name, value):
        return HIDDEN
    if isinstance(value, list | tuple):
        return [shown(name, each) for each in value]
    return _IN_ADDRESS.sub(rf"\1:{HIDDEN}@", value) if isinstance(value, str) else value
