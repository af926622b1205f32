"""``partsight model sign``."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from partsight.cli.options import LocalPath

__all__ = ["command"]


@click.command("sign")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--key", required=True, type=click.Path(path_type=Path),
              help="Private key from 'partsight model keygen'.")  # fmt: skip
@click.option("-o", "--output", type=LocalPath(path_type=Path, dir_okay=False),
              help="Signed file; default the model file itself.")  # fmt: skip
def command(model: Path, key: Path, output: Path | None) -> None:
    """Sign a model file.

    The signature is stored in the file and replaces an earlier one. Scores and verdicts stay the
    same, but the SHA-256 of the file changes.

    \b
    Example:
      partsight model sign model-int8.tflite --key line.key
    """
    from partsight.errors import ContractError
    from partsight.model.file import load_model_file, read_model
    from partsight.model.key_files import read_private_key
    from partsight.model.signature import signed
    from partsight.utils.files import write_atomic

    data = read_model(model)
    # A file of another tool has no contract; its facts are given where it runs.
    with contextlib.suppress(ContractError):
        load_model_file(data)
    write_atomic(output or model, signed(data, read_private_key(key), str(model)))
    click.echo(f"Signed: {output or model}")
