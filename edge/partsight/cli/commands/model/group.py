"""The command group ``partsight model``."""

from __future__ import annotations

import click

from partsight.cli.commands.model import (
    activate,
    check,
    inspect,
    keygen,
    list_models,
    rollback,
    shadow_report,
    sign,
    verify,
)

__all__ = ["command"]


@click.group("model")
def command() -> None:
    """Inspect, check, sign and activate model files.

    A running line uses a newly activated model from its next frame on.

    \b
    Example:
      partsight model inspect model-int8.tflite
      partsight model activate model-int8.tflite
      partsight model rollback
    """


for _module in (
    activate,
    check,
    inspect,
    keygen,
    list_models,
    rollback,
    shadow_report,
    sign,
    verify,
):
    command.add_command(_module.command)
