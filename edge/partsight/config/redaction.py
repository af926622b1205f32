"""Values of the configuration with secrets removed, for printing."""

from __future__ import annotations

import re
from typing import Any

from partsight.utils.redaction import HIDDEN, redact_address, redact_origin, redact_text

__all__ = ["HIDDEN", "is_secret", "shown"]

# Names of keys that hold a secret; password_file and password_env only name its place.
_NAMES = re.compile(r"(password|passphrase|secret|token|api_key)(\[\d+\])?$")
# URL of a webhook: services put credentials into the path.
_ORIGIN_ONLY = re.compile(r"(^|\.)url$")
_ADDRESS = re.compile(r"(^|\.)address$")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


def is_secret(name: str, value: object = None) -> bool:
    """Whether the value of a key must not be printed.

    A key that ends in ``_env`` holds the name of a variable. A value that does not look like a
    name may be the secret itself.
    """
    if name.endswith("_env") and isinstance(value, str):
        return _VARIABLE.fullmatch(value) is None
    return _NAMES.search(name) is not None


def shown(name: str, value: Any) -> Any:
    """Return a value without secrets.

    Args:
        name: name of the key, with or without its sections.
        value: a text, a number, or a list or table of them.
    """
    if isinstance(value, dict):
        return {key: shown(str(key), each) for key, each in value.items()}
    if value is not None and is_secret(name, value):
        return HIDDEN
    if isinstance(value, list | tuple):
        return [shown(name, each) for each in value]
    if not isinstance(value, str):
        return value
    if _ORIGIN_ONLY.search(name):
        return redact_origin(value)
    return redact_address(value) if _ADDRESS.search(name) else redact_text(value)
