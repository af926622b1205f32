"""``partsight install-service``."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.config.location import SYSTEM_CONFIG

if TYPE_CHECKING:
    from partsight.config.document import Config
    from partsight.deploy.service_unit import Service

__all__ = ["command"]

_UNITS = Path("/etc/systemd/system")


_NAME = "[A-Za-z0-9_][A-Za-z0-9_-]{0,30}"
_SIZE = "[0-9]+[KMG]?"


def _matching(pattern: str) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """A check of a text that goes into the unit as it is."""

    def check(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(pattern, value):
            raise click.BadParameter(f"expected {pattern}. Received: {value!r}")
        return value

    return check


@click.command("install-service")
@click.argument("model", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SYSTEM_CONFIG,
    show_default=True,
    help="The device's configuration, which says where frames come from.",
)
@click.option(
    "--name",
    callback=_matching(_NAME),
    default="partsight",
    show_default=True,
    help="Of the unit.",
)
@click.option(
    "--user",
    callback=_matching(_NAME),
    help="An account to run as; by default one is made up for it.",
)
@click.option(
    "--memory-max",
    callback=_matching(_SIZE),
    default="512M",
    show_default=True,
    help="Most that it may take.",
)
@click.option(
    "--unit-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=_UNITS,
    show_default=True,
    help="Where the unit goes.",
)
@click.option("--dry-run", is_flag=True, help="Print the unit and write nothing.")
def command(
    model: Path,
    config: Path,
    name: str,
    user: str | None,
    memory_max: str,
    unit_dir: Path,
    dry_run: bool,
) -> None:
    """Write a systemd unit that runs the line from the start of the machine.

    It runs `partsight watch MODEL --config FILE` with the Python that runs this command, without
    root and shut off from all but cameras, the network and its own folders. systemd starts it
    again when it ends, and when its loop makes no progress.

    \b
    Example:
      partsight install-service /opt/partsight/model-int8.tflite --dry-run
      sudo partsight install-service /opt/partsight/model-int8.tflite
    """
    from partsight.config.file import read_config
    from partsight.deploy.service_unit import Service, service_unit
    from partsight.utils.files import write_atomic

    # Not resolved: a virtual environment is known by the very link that its Python is.
    python = Path(os.path.abspath(sys.executable))
    service = Service(python, model.absolute(), config.absolute(), name, user, memory_max)
    settings = read_config(config) if config.is_file() else None
    if settings is not None:
        service = _with_needs(service, settings)
    unit = service_unit(service)
    if dry_run:
        click.echo(unit, nl=False)
        return
    _require_root(unit_dir)
    _require_files(service)
    if settings is not None:  # else _require_files has refused
        _require_product(service, settings)
    path = unit_dir / f"{name}.service"
    write_atomic(path, unit.encode())
    path.chmod(0o644)
    click.echo(
        f"Wrote {path}. Next:\n"
        "  systemctl daemon-reload\n"
        f"  systemctl enable --now {name}\n"
        f"  systemctl status {name}"
    )


def _require_root(unit_dir: Path) -> None:
    from partsight.errors import EnvironmentFault

    if not hasattr(os, "geteuid") or (os.geteuid() != 0 and not os.access(unit_dir, os.W_OK)):
        raise EnvironmentFault(
            f"cannot write to {unit_dir}: expected to run as root on a machine with systemd. "
            "Run again with sudo, or with --dry-run, which prints the unit."
        )


def _require_product(service: Service, config: Config) -> None:
    """Refuse a model that the line would refuse at its start.

    Raises:
        ContractError: it is of another product than is configured.
    """
    from partsight.model.file import load_model_file
    from partsight.model.product import require_configured_product

    configured = config.models.product
    if configured is not None:
        product = load_model_file(service.model).contract.product
        require_configured_product(product, configured, str(service.model))


def _require_account(user: str | None) -> None:
    import pwd

    from partsight.errors import ConfigError

    if user is None:
        return
    try:
        pwd.getpwnam(user)
    except KeyError as error:
        raise ConfigError(
            f"the service would not start: expected an account {user}, found none. Make it first, "
            "e.g. with useradd --system, or leave --user out."
        ) from error


def _with_needs(service: Service, config: Config) -> Service:
    """The same with what its configuration has it write and open beside its own."""
    from partsight.config.settings import settings_of
    from partsight.config.trigger import KeyTriggerConfig
    from partsight.deploy.preflight.paths import is_read
    from partsight.errors import ConfigError

    reader = config.trigger.device if isinstance(config.trigger, KeyTriggerConfig) else None
    folders = []
    for setting in settings_of(config):
        place = setting.value
        if not isinstance(place, Path) or place == reader or is_read(setting):
            continue
        if any(place.is_relative_to(own) for own in service.own):
            continue
        folder = place if place.is_dir() else place.parent
        if service.user is None:
            raise ConfigError(
                f"the service could not write {setting.name} = {place}: expected a path below "
                f"{service.own[0]}. Keep it there, or name an account that may write to {folder} "
                "with --user."
            )
        if not folder.is_dir():
            raise ConfigError(
                f"the service would not start: expected a folder {folder} for {setting.name}, "
                "found none. Make it first."
            )
        folders.append(folder)
    written = tuple(dict.fromkeys(folders))
    return dataclasses.replace(
        service,
        written=written,
        watched=_watched(config.source.address),
        has_reader=reader is not None,
    )


def _watched(address: str | None) -> tuple[Path, ...]:
    """The file or folder that frames come from, if they come from one."""
    from partsight.config.source_address import Kind, classify_address
    from partsight.errors import ConfigError

    if address is None:
        return ()
    found = classify_address(address)
    if found.kind is Kind.UNSUPPORTED:
        raise ConfigError(f"the service would not start: {found.reason}")
    if not found.is_local:
        return ()  # the unit lets it through to all cameras and to the network
    return (Path(os.path.abspath(found.target)),)


def _require_files(service: Service) -> None:
    from partsight.deploy.service_unit import unreadable
    from partsight.errors import ConfigError

    for path in (service.model, service.config):
        if not path.is_file():
            raise ConfigError(
                f"the service would not start: expected a file at {path}, found none. Put it there "
                "first."
            )
    _require_account(service.user)
    places = unreadable(service)
    if places and service.user is None:
        raise ConfigError(
            f"the service would not start: its account cannot read {', '.join(map(str, places))}. "
            "Let everybody read it, keep it elsewhere, such as in /opt, or name an account that "
            "can with --user."
        )
