"""``partsight inspect``."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

__all__ = ["command"]


@click.command("inspect")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(model: str, as_json: bool) -> None:
    """Print all that a model file says of itself.

    \b
    Example:
      partsight inspect model-int8.tflite
    """
    from partsight.model_file import load_model_file

    file = load_model_file(model)
    facts: dict[str, Any] = {
        "sha256": file.sha256,
        "bytes": len(file.data),
        **dataclasses.asdict(file.contract),
    }
    click.echo(json.dumps(facts, indent=2 if not as_json else None, ensure_ascii=False))
