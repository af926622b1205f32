"""Checks before the installation of the line's systemd unit: files, folders, account, product."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.config.settings import settings_of
from partsight.config.source_address import Kind, classify_address
from partsight.config.trigger import KeyTriggerConfig
from partsight.deploy.preflight.paths import is_read
from partsight.deploy.service_unit import Service, unreadable
from partsight.errors import ConfigError, EnvironmentFault
from partsight.model.file import load_model_file
from partsight.model.product import require_configured_product

if TYPE_CHECKING:
    from partsight.config.document import Config

__all__ = ["require_product", "require_root", "require_startable", "with_access"]


def with_access(service: Service, config: Config) -> Service:
    """Add the folders, files and devices that the configuration makes the service use.

    Raises:
        ConfigError: the service could not write to a path, or could not read its source.
    """
    reader = config.trigger.device if isinstance(config.trigger, KeyTriggerConfig) else None
    written = [
        (name, path, path if path.is_dir() else path.parent)
        for name, path in _written_paths(service, config, reader)
    ]
    _require_writable(service, written)
    folders = [folder for _, _, folder in written]
    return dataclasses.replace(
        service,
        written=tuple(dict.fromkeys(folders)),
        watched=_watched(config.source.address),
        has_reader=reader is not None,
    )


def _written_paths(
    service: Service, config: Config, reader: Path | None
) -> Iterator[tuple[str, Path]]:
    """Name and value of each setting with a path outside the folders that systemd makes."""
    for setting in settings_of(config):
        path = setting.value
        if not isinstance(path, Path) or path == reader or is_read(setting):
            continue
        if not any(path.is_relative_to(own) for own in service.own):
            yield setting.name, path


def _require_writable(service: Service, written: Sequence[tuple[str, Path, Path]]) -> None:
    """Refuse paths that the service could not write, all at once.

    Args:
        service: the unit.
        written: name, path and folder of each setting with a path outside the service's own
            folders.
    """
    if written and service.user is None:
        paths = ", ".join(f"{name} = {path}" for name, path, _ in written)
        folders = ", ".join(dict.fromkeys(str(folder) for _, _, folder in written))
        raise ConfigError(
            f"the service could not write {paths}: expected paths below {service.own[0]}. Set such "
            f"paths, or name an account that may write to {folders} with --user."
        )
    missing = [f"{folder} for {name}" for name, _, folder in written if not folder.is_dir()]
    if missing:
        raise ConfigError(
            f"the service would not start: expected the folders {', '.join(missing)}, found none. "
            "Make them first."
        )


def _watched(address: str | None) -> tuple[Path, ...]:
    """The file or folder that frames come from; empty for cameras and addresses."""
    if address is None:
        return ()
    found = classify_address(address)
    if found.kind is Kind.UNSUPPORTED:
        raise ConfigError(f"the service would not start: {found.reason}")
    if not found.is_local:
        return ()  # the unit allows all cameras and the network
    return (Path(os.path.abspath(found.target)),)


def require_root(unit_dir: Path) -> None:
    """Refuse a user who cannot write units.

    Raises:
        EnvironmentFault: the user is not root and cannot write to the folder.
    """
    if not hasattr(os, "geteuid") or (os.geteuid() != 0 and not os.access(unit_dir, os.W_OK)):
        raise EnvironmentFault(
            f"cannot write to {unit_dir}: expected to run as root on a machine with systemd. "
            "Run again with sudo, or with --dry-run, which prints the unit."
        )


def require_startable(service: Service) -> None:
    """Refuse a service that would not start: its files and its account must exist.

    Raises:
        ConfigError: a file or the account is missing, or the account cannot read a file.
    """
    for path in (service.model, service.config):
        if not path.is_file():
            raise ConfigError(
                f"the service would not start: expected a file at {path}, found none. Put it there "
                "first."
            )
    _require_account(service.user)
    paths = unreadable(service)
    if paths and service.user is None:
        raise ConfigError(
            f"the service would not start: its account cannot read {', '.join(map(str, paths))}. "
            "Let everybody read it, keep it elsewhere, such as in /opt, or name an account that "
            "can with --user."
        )


def _require_account(user: str | None) -> None:
    import pwd  # only on Unix

    if user is None:
        return
    try:
        pwd.getpwnam(user)
    except KeyError as error:
        raise ConfigError(
            f"the service would not start: expected an account {user}, found none. Make it first, "
            "e.g. with useradd --system, or leave --user out."
        ) from error


def require_product(service: Service, config: Config) -> None:
    """Refuse a model that the line would refuse at its start.

    Raises:
        ContractError: the model is of another product than the configured one.
    """
    configured = config.models.product
    if configured is not None:
        product = load_model_file(service.model).contract.product
        require_configured_product(product, configured, str(service.model))
