"""The command ``partsight``: runs a subcommand and maps errors to exit codes.

Commands of this package are modules of ``partsight.cli.commands``. The training package adds its
own through the entry point group ``partsight.commands``, so nothing here imports it.
Exit codes: 0 done, 1 failed with one line, 2 wrong usage, 3 done but some inputs failed.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import sys

import click

from partsight.cli.console import redact_errors, start_logging
from partsight.cli.faults import environment_fault, one_line
from partsight.errors import PartsightError
from partsight.utils.known_secrets import remember_environment
from partsight.utils.memory_limit import memory_limit
from partsight.utils.process_arguments import hide_arguments
from partsight.utils.redaction import redact_text, remember_address
from partsight.utils.standard_streams import open_closed_streams

__all__ = ["main"]

_TIGHT_BYTES = 2**30
_TRAINING_GROUP = "partsight.commands"
_MODULES = "partsight.cli.commands"
_OWN_COMMANDS = (
    "benchmark",
    "capture",
    "classify",
    "config",
    "doctor",
    "evaluate",
    "install-service",
    "journal",
    "model",
    "sample-data",
    "watch",
)
# Top-level commands before they became subcommands of 'partsight model': hidden, still accepted.
_FORMER_COMMANDS = ("check", "inspect", "keygen", "sign", "verify")
# The sections of the help, in the order of use.
_SECTIONS = {
    "Workstation": (
        "demo",
        "sample-data",
        "check-data",
        "backbones",
        "train",
        "tune",
        "export",
        "evaluate",
        "classify",
    ),
    "Device": ("doctor", "benchmark", "model", "config", "install-service"),
    "Line": ("capture", "watch", "journal"),
}


class _PartsightGroup(click.Group):
    """Imports a subcommand on demand, and reports errors in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_OWN_COMMANDS, *_training_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = f"{_MODULES}.{cmd_name.replace('-', '_')}"
        if cmd_name in _FORMER_COMMANDS:
            module = f"{_MODULES}.model.{cmd_name}"
        elif cmd_name not in _OWN_COMMANDS:
            entry = _training_commands().get(cmd_name)
            return entry.load() if entry else None
        command: click.Command = importlib.import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Called by click: the commands under the headings of their sections."""
        names = self.list_commands(ctx)
        others = [name for name in names if not any(name in each for each in _SECTIONS.values())]
        limit = formatter.width - 6 - max(map(len, names))
        for heading, listed in {**_SECTIONS, "Other": others}.items():
            rows = [(name, self._summary(ctx, name, limit)) for name in listed if name in names]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows, col_max=formatter.width)

    def _summary(self, ctx: click.Context, name: str, limit: int) -> str:
        command = self.get_command(ctx, name)
        return "" if command is None else command.get_short_help_str(limit)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:  # may quote what was typed
            error.__dict__["message"] = redact_text(error.message)  # final in its type
            raise
        # BrokenPipeError: the reader of the output ended, as 'head' does; click ends silently.
        except (click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except PartsightError as error:
            if ctx.params["debug"]:
                raise
            raise click.ClickException(one_line(error)) from error
        except Exception as error:
            if ctx.params["debug"]:
                raise
            if fault := environment_fault(error):
                raise click.ClickException(fault) from error
            raise click.ClickException(
                f"unexpected {type(error).__name__}: {one_line(error)}. "
                "Run 'partsight --debug ...' for a traceback, and report it."
            ) from error


def _training_commands() -> dict[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=_TRAINING_GROUP)}


def _limit_native_threads() -> None:
    """Start no threads for linear algebra if memory is limited to less than 1 GiB.

    OpenBLAS, which NumPy loads, waits forever for a thread that gets no memory for its stack.
    """
    limit = memory_limit()
    if limit is not None and limit[1] < _TIGHT_BYTES:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _remember_secrets() -> None:
    """Keep secrets of the command line and the environment out of messages and of ``ps``."""
    remember_environment(os.environ)
    proxies = (os.environ[name] for name in os.environ if name.upper().endswith("_PROXY"))
    for address in (*sys.argv[1:], *proxies):
        if "://" in address:
            remember_address(address)
    hide_arguments()


@click.group(cls=_PartsightGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="partsight")
@click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
def main(debug: bool) -> None:
    """Visual inspection: train on labelled images, inspect parts on a line.

    \b
    Example:
      partsight sample-data parts
      partsight classify models/sample-parts-int8.tflite parts/defected
    """
    open_closed_streams()
    _limit_native_threads()
    _remember_secrets()
    redact_errors()
    start_logging(debug=debug)
