"""The command ``partsight``: finds the subcommand, maps errors to exit codes.

Device commands are modules of ``partsight.cli.commands``. The training package adds its own
through the entry point group ``partsight.commands``, so that nothing here imports it.
Exit codes: 0 done, 1 failed with one line, 2 wrong usage, 3 done but some inputs failed.
"""

from __future__ import annotations

import errno
import importlib
import importlib.metadata
import os
import sys

import click

from partsight.cli.console import redact_errors, start_logging
from partsight.errors import PartsightError
from partsight.utils.imports import is_installed
from partsight.utils.known_secrets import remember_environment
from partsight.utils.memory_limit import memory_fault, memory_limit, memory_limit_note
from partsight.utils.printable import shown
from partsight.utils.process_arguments import hide_arguments
from partsight.utils.redaction import redact_text, remember_address

__all__ = ["main"]

# The next step for errors of the system that are no defect of partsight.
_SYSTEM_STEPS = {
    errno.ENOSPC: "Make room on the disk that is written to",
    errno.EDQUOT: "Make room within the quota of this user",
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "Choose a place that is writable",
    errno.EMFILE: "Raise the limit on open files (ulimit -n)",
    errno.ENFILE: "Close other programs, or raise the system's limit on open files",
    errno.ENOMEM: "Free memory on this machine, or raise the limit on it (ulimit -v)",
    errno.EAGAIN: "Allow more processes and threads (ulimit -u)",
}
# As ``tempfile`` begins its message.
_NO_TEMPORARY_FOLDER = "No usable temporary directory"
_TIGHT_BYTES = 2**30
_TRAINING_GROUP = "partsight.commands"
_DEVICE_COMMANDS = (
    "benchmark",
    "capture",
    "check",
    "classify",
    "config",
    "doctor",
    "evaluate",
    "inspect",
    "install-service",
    "journal",
    "keygen",
    "model",
    "sample-data",
    "sign",
    "verify",
    "watch",
)


class _PartsightGroup(click.Group):
    """Loads a subcommand when it is named, and prints what failed as one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_DEVICE_COMMANDS, *_training_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _DEVICE_COMMANDS:
            module = importlib.import_module(f"partsight.cli.commands.{cmd_name.replace('-', '_')}")
            command: click.Command = module.command
            return command
        entry = _training_commands().get(cmd_name)
        return entry.load() if entry else None

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:  # may quote what was typed
            error.__dict__["message"] = redact_text(error.message)  # final in its type
            raise
        # Whoever read the output has left, as 'head' does: click ends the run without a word.
        except (click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except PartsightError as error:
            if ctx.params["debug"]:
                raise
            raise click.ClickException(_one_line(error)) from error
        except Exception as error:
            if ctx.params["debug"]:
                raise
            if fault := _environment_fault(error):
                raise click.ClickException(fault) from error
            raise click.ClickException(
                f"unexpected {type(error).__name__}: {_one_line(error)}. "
                "Run again as 'partsight --debug ...' for the place, and report it."
            ) from error


def _training_commands() -> dict[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=_TRAINING_GROUP)}


def _environment_fault(error: Exception) -> str | None:
    """The message where the machine is at fault: a library, memory or threads are missing."""
    # A low limit on memory shows as any kind of failed import, or as a thread that cannot start.
    if (short := memory_fault(error)) is not None:
        loading = "a library cannot be loaded: " if isinstance(error, ImportError) else ""
        return f"{loading}{_one_line(short)}. {memory_limit_note()}"
    if isinstance(error, ImportError):
        missing = (error.name or "").partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and missing and not is_installed(missing):
            package = {"PIL": "pillow"}.get(missing, missing)
            return f"the package {package} is not installed. Run pip install {package}"
        step = memory_limit_note() if memory_limit() else "Run 'partsight doctor'"
        return f"a library cannot be loaded: {_one_line(error).rstrip('.')}. {step}"
    if isinstance(error, FileNotFoundError) and _NO_TEMPORARY_FOLDER in str(error):
        return (
            "no temporary folder can be written: expected TMPDIR, /tmp, /var/tmp or the current "
            "folder. Set TMPDIR to a folder that is writable"
        )
    if isinstance(error, OSError) and error.errno in _SYSTEM_STEPS:
        return f"{_one_line(error)}. {_SYSTEM_STEPS[error.errno]}"
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return f"cannot start a thread. {memory_limit_note()} Or allow more threads (ulimit -u)."
    return None


def _limit_native_threads() -> None:
    """Start no threads for linear algebra where memory is tight.

    OpenBLAS, which NumPy loads, waits forever for a thread whose stack gets no memory.
    """
    limit = memory_limit()
    if limit is not None and limit[1] < _TIGHT_BYTES:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _one_line(error: BaseException | str) -> str:
    return shown(" ".join(redact_text(str(error)).split()))


def _remember_secrets() -> None:
    """Of the command line and the environment, so that no message and no ``ps`` shows them."""
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
    """Inspect manufactured parts: train on labelled pictures, judge beside the line.

    \b
    Example:
      partsight sample-data parts
      partsight classify models/sample-parts-int8.tflite parts/defected
    """
    _limit_native_threads()
    _remember_secrets()
    redact_errors()
    start_logging(debug=debug)
