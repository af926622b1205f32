"""``partsight model check``."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.model_options import config_option
from partsight.utils.counts import counted

if TYPE_CHECKING:
    from partsight.deploy.device import Device

__all__ = ["command"]


@click.command("check")
@click.argument("model")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(model: str, device: Device, as_json: bool) -> None:
    """Replay a model's golden samples on this device.

    Golden samples are images in the file with the scores of the model at its export. Exit code 1
    if the scores on this device differ.

    \b
    Example:
      partsight model check model-int8.tflite
    """
    from partsight.inference.classifier import Classifier
    from partsight.inference.runtimes import RuntimeOptions
    from partsight.model.file import load_model_file
    from partsight.qualification.golden import TOLERANCE, replay
    from partsight.qualification.trust import require_trusted

    file = load_model_file(model)
    require_trusted(file, device.trust, device.options)
    replays = replay(file, Classifier.open(file.data, RuntimeOptions(device.options.runtime)))
    largest = max(each.difference for each in replays)
    passed = all(each.passes for each in replays)
    if as_json:
        rows = [
            {**dataclasses.asdict(each), "difference": each.difference, "passes": each.passes}
            for each in replays
        ]
        facts = {"passes": passed, "max_difference": largest, "tolerance": TOLERANCE}
        click.echo(json.dumps({**facts, "samples": rows}))
    else:
        for each in replays:
            verdict = "ok" if each.passes else "DIFFERS"
            click.echo(f"{each.sample.file} ({each.sample.label}): {each.difference:.4f} {verdict}")
        click.echo(
            f"{counted(len(replays), 'golden sample')}, largest difference {largest:.4f}, "
            f"at most {TOLERANCE:.4f} expected"
        )
    if not passed:
        raise click.exceptions.Exit(1)
