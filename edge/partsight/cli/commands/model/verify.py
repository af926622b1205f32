"""``partsight model verify``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import click

__all__ = ["command"]


@click.command("verify")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--public-key", required=True, type=click.Path(path_type=Path),
              help="Public key from 'partsight model keygen'.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(model: Path, public_key: Path, as_json: bool) -> None:
    """Verify the signature of a model file.

    \b
    Example:
      partsight model verify model-int8.tflite --public-key line.key.pub
    """
    from partsight.model.file import read_model
    from partsight.model.key_files import read_public_key
    from partsight.model.signature import require_signature

    data = read_model(model)
    require_signature(data, read_public_key(public_key), str(model))
    digest = hashlib.sha256(data).hexdigest()
    document = json.dumps({"model": str(model), "sha256": digest, "signed": True})
    click.echo(
        document if as_json else f"{model} is signed with the key of {public_key}; SHA-256 {digest}"
    )
