"""``partsight config``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from partsight.config.location import (
    CONFIG_VARIABLE,
    ENVIRONMENT,
    SYSTEM_CONFIG,
    default_config,
)
from partsight.utils.counts import counted

__all__ = ["command"]

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("config")
def command() -> None:
    """Write, check and show the device's configuration.

    \b
    Example:
      partsight config init partsight.toml
      partsight config check partsight.toml
    """


@command.command("init")
@click.argument("path", type=_FILE, default=Path("partsight.toml"))
@click.option("--minimal", is_flag=True, help="Write only the keys that a first line needs.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def init(path: Path, minimal: bool, force: bool) -> None:
    """Write a configuration with all keys, commented out.

    Each key has its description and its default.

    \b
    Example:
      partsight config init /etc/partsight/partsight.toml
      partsight config init --minimal line.toml
    """
    from partsight.config.document import Config
    from partsight.config.template import MINIMAL, template
    from partsight.errors import OutputError
    from partsight.utils.files import rewrite_atomic

    if path.exists() and not force:
        raise OutputError(
            f"{path} exists, and is not replaced. Choose another name, or add --force."
        )
    rewrite_atomic(path, (MINIMAL if minimal else template(Config)).encode())
    content = "the keys of a first line" if minimal else "every key, inactive"
    click.echo(f"{path} has {content}. Change it, then: partsight config check {path}")


@command.command("check")
@click.argument("file", type=_FILE, required=False)
def check(file: Path | None) -> None:
    """Check a configuration, and whether it can work on this device.

    Checks packages, secrets, certificates, paths, the source and models, but connects to nothing
    and writes nothing. Exit code 1 if the line could not start, or a component could never work;
    a warning names something that may become available later. FILE defaults to the configuration
    that 'partsight watch' reads.

    \b
    Example:
      partsight config check partsight.toml
    """
    from partsight.config.file import read_config
    from partsight.deploy.preflight import preflight
    from partsight.utils.redaction import redact_text

    path = file or default_config(os.environ)
    findings = list(preflight(read_config(path), reserved={"the configuration": path}))
    for finding in findings:
        click.echo(f"partsight: {finding.level}: {redact_text(str(finding))}", err=True)
    errors = sum(finding.level == "error" for finding in findings)
    warnings = counted(len(findings) - errors, "warning")
    if errors:
        click.echo(f"{path} cannot work on this device: {counted(errors, 'error')}, {warnings}")
        raise click.exceptions.Exit(1)
    click.echo(f"{path} is valid" + (f", {warnings}" if findings else ""))


@command.command("show")
@click.argument("file", type=_FILE, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(file: Path | None, as_json: bool) -> None:
    """Print the effective configuration without secrets.

    Each value has its origin: the file, the environment or the default.

    \b
    Example:
      partsight config show --json
    """
    from partsight.config.document import Config
    from partsight.config.file import read_config
    from partsight.config.keys import toml_text
    from partsight.config.redaction import shown
    from partsight.config.settings import active_settings

    named = file is not None or os.environ.get(CONFIG_VARIABLE) or SYSTEM_CONFIG.exists()
    path = file or default_config(os.environ)
    config = read_config(path) if named else Config()
    plain = [
        (each.name, shown(each.name, _plain(each.value)), each.origin)
        for each in active_settings(config, ENVIRONMENT, os.environ)
    ]
    if as_json:
        keys = {name: {"value": value, "from": origin} for name, value, origin in plain}
        click.echo(json.dumps({"file": str(path) if named else None, "keys": keys}))
        return
    click.echo(f"# {path}" if named else "# no configuration; these are the defaults")
    for name, value, origin in plain:
        text = f"# {name} has no value" if value is None else f"{name} = {toml_text(value)}"
        click.echo(f"{text}  # {origin}")


@command.command("reference")
def print_reference() -> None:
    """Print the reference of all keys in Markdown.

    \b
    Example:
      partsight config reference > docs/configuration.md
    """
    from partsight.config.document import Config
    from partsight.config.reference import reference

    click.echo(reference(Config), nl=False)


def _plain(value: object) -> object:
    """The value in types of JSON and TOML."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    simple = value is None or isinstance(value, bool | int | float)
    return value if simple else str(value)
