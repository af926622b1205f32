"""The list of preflight checks: all of them for ``config check``, some at the start of a line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from partsight.config.acting import ignored_keys
from partsight.config.document import Config
from partsight.deploy.preflight.conflicts import check_conflicts
from partsight.deploy.preflight.connections import check_connections
from partsight.deploy.preflight.findings import Finding
from partsight.deploy.preflight.models import check_models, check_runtime
from partsight.deploy.preflight.paths import check_paths
from partsight.deploy.preflight.source import check_source
from partsight.errors import ConfigError

__all__ = ["preflight", "require_startable"]

# Keys of parts without which the line must not start; others open themselves, or it runs without.
_NEEDED = ("sinks", "trigger")


def preflight(
    config: Config,
    environ: Mapping[str, str] = os.environ,
    *,
    starting: bool = False,
    reserved: Mapping[str, Path] | None = None,
) -> Iterator[Finding]:
    """Yield everything in a configuration that cannot work on this device.

    Args:
        config: as read from the file.
        environ: the environment in which variables are looked up.
        starting: whether the line is about to start in this environment. A variable that is not
            set is then an error; before, the service may still set it.
        reserved: see ``check_conflicts``.
    """
    yield from chain(
        check_paths(config, environ, starting=starting),
        check_connections(config),
        check_conflicts(config, reserved),
        check_source(config.source),
        _check_acting(config),
        check_models(config),
        check_runtime(config.model.runtime),
    )


def _check_acting(config: Config) -> Iterator[Finding]:
    for text in ignored_keys(config):
        key, _, message = text.partition(" ")
        yield Finding(key, message)


def require_startable(
    config: Config,
    environ: Mapping[str, str] = os.environ,
    reserved: Mapping[str, Path] | None = None,
) -> None:
    """Refuse to start a line with a sink, trigger or image store that can never work, or that
    would overwrite a file that is in use.

    The source, the journal and the model are opened by the line itself, with their own errors.

    Raises:
        ConfigError: names the first problem and the number of others.
    """
    opened = chain(check_paths(config, environ, starting=True), check_connections(config))
    needed = (finding for finding in opened if finding.key.startswith(_NEEDED))
    findings = chain(needed, check_conflicts(config, reserved))
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        others = len(errors) - 1
        more = f" ({others} more: run 'partsight config check')" if others else ""
        raise ConfigError(f"the line cannot start: {errors[0]}{more}")
