"""``partsight inspect``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from partsight.contract import Contract
    from partsight.model_file import ModelFile

__all__ = ["command"]


@click.command("inspect")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as one JSON object.")
def command(model: str, as_json: bool) -> None:
    """Print what a model file says of itself.

    \b
    Example:
      partsight inspect model-int8.tflite
    """
    from partsight.model_file import load_model_file

    file = load_model_file(model)
    if as_json:
        facts = {"sha256": file.sha256, "bytes": len(file.data)}
        document = {**facts, **dataclasses.asdict(file.contract)}
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    for name, value in _facts(file):
        # Whoever made the file chose these texts; none of them steers the terminal.
        shown = "".join(each if each.isprintable() else "\ufffd" for each in value)
        click.echo(f"{name:<16}{shown}")


def _facts(file: ModelFile) -> Iterator[tuple[str, str]]:
    contract = file.contract
    yield "SHA-256", file.sha256
    yield "bytes", str(len(file.data))
    yield "labels", ", ".join(contract.labels)
    yield "sees", _sight(contract)
    point = contract.operating_point
    if point.accept_labels:
        yield "good parts", ", ".join(point.accept_labels)
        yield "accepts above", f"{point.accept_above:.4f}"
        yield "rejects below", f"{point.reject_below:.4f}, between the two a person looks"
    else:
        yield "good parts", "not named, so that every verdict is review"
    if point.recall is not None and point.false_reject_rate is not None:
        yield (
            "on validation",
            f"{point.recall:.2%} of bad parts kept out, {point.false_reject_rate:.2%} of good ones",
        )
    yield "golden samples", str(len(contract.golden))
    yield from _origin(contract)


def _sight(contract: Contract) -> str:
    spec, (rows, columns) = contract.preprocess, contract.tiles
    parts = [f"{spec.width} x {spec.height} pixels", spec.fit]
    if spec.roi is not None:
        parts.append("region " + ",".join(f"{share:g}" for share in spec.roi))
    if rows * columns > 1:
        parts.append(f"{rows} x {columns} tiles, the worst decides")
    return ", ".join(parts)


def _origin(contract: Contract) -> Iterator[tuple[str, str]]:
    """How it was made, as far as its provenance tells."""
    made = contract.provenance
    for name, key in (("trained", "created_at"), ("command", "command_line")):
        if key in made:
            yield name, str(made[key])
    export = made.get("export")
    if isinstance(export, dict):
        yield "variant", str(export["variant"])
        yield "needs TFLite", str(export["min_runtime"] or "unknown")
        yield "same label", f"{export['parity']['agreement']:.2%} of the float model's on test"
        *refused, used = export.get("remedies") or [None]
        if refused:
            yield "passed after", f"{used['remedy']}, {used['detail']}"
