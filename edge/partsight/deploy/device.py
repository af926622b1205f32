"""This device: its configuration, and what the environment replaces in it.

Only here, the environment and /etc decide on configuration, runtime and key. An argument or option
wins over the environment, and the environment over the configuration.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.config.location import (
    PUBLIC_KEY_VARIABLE,
    RUNTIME_VARIABLE,
    find_config,
)
from partsight.inference.runtimes import RuntimeOptions
from partsight.qualification.trust import TrustPolicy

if TYPE_CHECKING:
    from partsight.config.document import Config
    from partsight.model.third_party import ModelOverrides

__all__ = ["Device", "environment_runtime", "open_device"]


@dataclass(frozen=True, slots=True)
class Device:
    """How this device runs models. The configuration was read once.

    Attributes:
        path: configuration file, or None if the device has none.
        file_config: content of this file, or None.
        options: runtime and number of threads.
        trust: key that models must be signed with.
    """

    path: Path | None
    file_config: Config | None
    options: RuntimeOptions
    trust: TrustPolicy

    @property
    def config(self) -> Config:
        """The configuration, or the defaults if the device has none."""
        if self.file_config is not None:
            return self.file_config
        from partsight.config.document import Config

        return Config()

    def overrides(self, given: ModelOverrides | None) -> ModelOverrides | None:
        """Return the given overrides, with ``bit_depth`` of ``[model]`` unless they name one."""
        depth = self.file_config.model.bit_depth if self.file_config else None
        if depth is None or (given is not None and given.bit_depth is not None):
            return given
        from partsight.model.third_party import ModelOverrides

        return dataclasses.replace(given or ModelOverrides(), bit_depth=depth)


def open_device(
    named: Path | None = None, environ: Mapping[str, str] = os.environ, *, new: bool = False
) -> Device:
    """Read the configuration of this device.

    Args:
        named: configuration that the command line names, or None for the default one.
        environ: environment variables of this process.
        new: whether the configuration may be missing, because the command writes it. The key of
            the system's configuration is required then.

    Raises:
        ConfigError: the configuration is wrong, or a named one is missing.
    """
    path = find_config(environ) if named is None else named.absolute()
    if new and path is not None and not path.exists():
        path = find_config({})
    config = None
    if path is not None:
        from partsight.config.file import read_config

        config = read_config(path)
    runtime, key = environ.get(RUNTIME_VARIABLE), environ.get(PUBLIC_KEY_VARIABLE)
    public_key, threads = (Path(key) if key else None), None
    if config is not None:
        model = config.model
        runtime = runtime or model.runtime
        public_key, threads = public_key or model.public_key, model.threads
    options = RuntimeOptions(runtime or None, threads or 1)
    return Device(path, config, options, TrustPolicy(public_key))


def environment_runtime() -> str | None:
    """Name of the runtime that the environment asks for, or None."""
    return os.environ.get(RUNTIME_VARIABLE) or None
