"""Which configuration this device has, if any; ``config`` reads it.

Apart from ``config``, so that a device without one waits for neither pydantic nor tomlkit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

__all__ = ["CONFIG_VARIABLE", "SYSTEM_CONFIG", "default_config", "find_config", "use_config"]

CONFIG_VARIABLE = "PARTSIGHT_CONFIG"
SYSTEM_CONFIG = Path("/etc/partsight/partsight.toml")


def default_config(environ: Mapping[str, str] = os.environ) -> Path:
    """The configuration where the command line names none; it need not be there."""
    return Path(environ.get(CONFIG_VARIABLE) or SYSTEM_CONFIG)


def find_config(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The configuration that is in force; None only if none is named, and the system has none.

    One that is named and missing, a link to nothing, and one that may not be looked at, are in
    force too: reading them fails, where to go on would run what the device should refuse.
    """
    if environ.get(CONFIG_VARIABLE):
        return default_config(environ)
    try:
        SYSTEM_CONFIG.lstat()
    except FileNotFoundError:
        return None
    except OSError:
        pass  # reading it says what is wrong
    return SYSTEM_CONFIG


def use_config(
    path: Path | None, environ: MutableMapping[str, str] = os.environ, *, new: bool = False
) -> None:
    """Let a configuration take effect, here and in child processes.

    Args:
        path: as the command line names it; None is the default one.
        environ: gets what the configuration says, see ``config.apply_config``.
        new: whether it may be missing, since it is yet to be written; the system's key is
            asked for then.

    Raises:
        ConfigError: it is wrong, or was named, by option or environment, and is not there.
    """
    if path is not None:
        environ[CONFIG_VARIABLE] = str(path.absolute())
    if new and not default_config(environ).exists():
        environ.pop(CONFIG_VARIABLE, None)
    found = find_config(environ)
    if found is not None:
        from partsight.config.file import apply_config

        apply_config(found, environ)
