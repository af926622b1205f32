"""``partsight model inspect``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.model_options import overrides_options
from partsight.utils.printable import printable
from partsight.utils.redaction import redact_text, redact_values

if TYPE_CHECKING:
    from partsight.model.contract import Contract
    from partsight.model.file import ModelFile
    from partsight.model.reference import Reference
    from partsight.model.third_party import ModelOverrides

__all__ = ["command"]


@click.command("inspect")
@click.argument("model")
@overrides_options
@click.option("--json", "as_json", is_flag=True, help="Print all facts as one JSON object.")
def command(model: str, as_json: bool, overrides: ModelOverrides | None) -> None:
    """Print the facts in a model file.

    \b
    Example:
      partsight model inspect model-int8.tflite
    """
    from partsight.image.spec import spec_to_document
    from partsight.model.file import load_model_file
    from partsight.model.signature import is_signed

    file = load_model_file(model, overrides)
    if as_json:
        document = {
            "sha256": file.sha256,
            "bytes": len(file.data),
            "signed": is_signed(file.data),
            "standard_metadata": _card(file),
            **dataclasses.asdict(file.contract),
            "preprocess": spec_to_document(file.contract.preprocess),
            "provenance": redact_values(file.contract.provenance),
        }
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    for name, value in _facts(file):
        # The texts come from the file: control characters must not reach the terminal.
        shown = printable(value, "\ufffd")
        click.echo(f"{name:<16}{shown}")


def _facts(file: ModelFile) -> Iterator[tuple[str, str]]:
    from partsight.model.signature import is_signed

    contract = file.contract
    yield from _card(file).items()
    yield "SHA-256", file.sha256
    yield "bytes", str(len(file.data))
    yield "product", contract.product or "not named: a line with models.product refuses this model"
    yield "labels", ", ".join(contract.labels)
    yield "input", _input(contract)
    point = contract.operating_point
    if point.accept_labels:
        yield "good parts", ", ".join(point.accept_labels)
        yield "verdicts", point.in_words()
        yield "min. contrast", f"{point.min_contrast:g} grey levels, else review"
    else:
        yield "good parts", "not named, so every verdict is review"
    if point.recall is not None and point.false_reject_rate is not None:
        yield (
            "on validation",
            f"{point.recall:.2%} of bad parts and {point.false_reject_rate:.2%} of good parts not "
            "accepted",
        )
    if contract.reference is not None:
        yield "drift reference", _drift_reference(contract.reference)
    else:
        yield "drift reference", "none: a line learns one from its first parts"
    if contract.heatmap is not None:
        yield "heat map", "{} x {} positions".format(*contract.heatmap[::-1])
    yield "golden samples", str(len(contract.golden))
    yield "signature", "present" if is_signed(file.data) else "none"
    yield from _origin(contract)


def _drift_reference(reference: Reference) -> str:
    """Expected values on a line without drift."""
    score = reference.accept_score
    return (
        f"score {score.mean:.3f} +- {score.std:.3f}, {reference.reject_rate:.2%} of good parts "
        f"rejected, brightness {reference.luma.mean:.0f} +- {reference.luma.std:.0f}, contrast "
        f"{reference.contrast.mean:.0f} +- {reference.contrast.std:.0f}, of "
        f"{reference.pictures} good parts"
    )


def _card(file: ModelFile) -> dict[str, str]:
    """The facts in the standard metadata."""
    from partsight.model.tflite.flatbuffer import Malformed
    from partsight.model.tflite.model_schema import MODEL
    from partsight.model.tflite.standard_metadata import read_standard_metadata
    from partsight.model.tflite.verify import verify

    try:
        verify(file.data, MODEL)
        metadata = read_standard_metadata(file.data)
    except (Malformed, ValueError) as error:
        return {"metadata": f"damaged: {error}"}
    return {} if metadata is None else metadata.facts


def _input(contract: Contract) -> str:
    """Size, region, channels and tiles of the network's input."""
    spec, (rows, columns) = contract.preprocess, contract.tiles
    parts = [f"{spec.width} x {spec.height} pixels", spec.fit]
    if spec.roi is not None:
        parts.append("region " + ",".join(f"{share:g}" for share in spec.roi))
    if contract.layout.channels == 1:
        parts.append("grey")
    if spec.bit_depth is not None:
        parts.append(f"{spec.bit_depth} significant bits of 16-bit files")
    if rows * columns > 1:
        parts.append(f"{rows} x {columns} tiles, the worst decides")
    return ", ".join(parts)


def _origin(contract: Contract) -> Iterator[tuple[str, str]]:
    """Training and export, from the provenance."""
    made = contract.provenance
    for name, key in (("trained", "created_at"), ("command", "command_line")):
        if key in made:
            yield name, redact_text(str(made[key]))  # older versions wrote unredacted addresses
    export = made.get("export")
    try:
        if export is not None:
            yield "variant", str(export["variant"])
            yield "needs TFLite", str(export["min_runtime"] or "unknown")
            yield "same label", f"{export['parity']['agreement']:.2%} of the float model's on test"
            *refused, used = export.get("remedies") or [None]
            if refused:
                yield "passed after", f"{used['remedy']}, {used['detail']}"
    except (AttributeError, KeyError, TypeError, ValueError):
        # No check covers the provenance, because nothing depends on it.
        yield "export", "unreadable"
