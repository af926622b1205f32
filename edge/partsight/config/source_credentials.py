"""Address of the source with the configured user and password."""

from __future__ import annotations

from partsight.config.address_credentials import (
    has_own_credentials,
    require_usable,
    with_credentials,
)
from partsight.config.secret import optional_secret
from partsight.config.source import SourceConfig
from partsight.utils.redaction import remember_address

__all__ = ["at_address", "source_address"]


def source_address(config: SourceConfig) -> str | None:
    """Return the address to open, with the configured user and password, or None without one.

    Each call reads the secret again. It is hidden in all later output of this process.

    Raises:
        ConfigError: the password cannot be read, or the address and the keys contradict each other.
    """
    address = config.address
    if address is None:
        return None
    require_usable(address, config.username)
    remember_address(address)
    if config.username is None:
        return address
    password = optional_secret("password", config.password_env, config.password_file)
    return with_credentials(address, config.username, password)


def at_address(config: SourceConfig, address: str) -> SourceConfig:
    """Return ``[source]`` with the address of the command line in place of its own.

    The configured user and password are kept for an address that needs them, and removed for a
    file, a camera number, or an address that has its own.

    Raises:
        ConfigError: see ``require_usable``.
    """
    require_usable(address)
    changed: dict[str, str | None] = {"address": address}
    if has_own_credentials(address):
        changed |= {"username": None, "password_env": None, "password_file": None}
    return config.model_copy(update=changed)
