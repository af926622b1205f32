"""``partsight sign``."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

__all__ = ["command"]


@click.command("sign")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--key", required=True, type=click.Path(path_type=Path),
              help="The private key that 'partsight keygen' made.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
              help="Where to write; default the model itself.")  # fmt: skip
def command(model: Path, key: Path, output: Path | None) -> None:
    """Sign a model file that is whole, in the place of any signature that it has.

    The signature lies in the file, which decides as before; its SHA-256 is another.

    \b
    Example:
      partsight sign model-int8.tflite --key line.key
    """
    from partsight.errors import ContractError
    from partsight.model.file import load_model_file, read_model
    from partsight.model.key_files import read_private_key
    from partsight.model.signature import signed
    from partsight.utils.files import write_atomic

    data = read_model(model)
    with contextlib.suppress(ContractError):  # what another tool's lacks is given where it runs
        load_model_file(data)
    write_atomic(output or model, signed(data, read_private_key(key), str(model)))
    click.echo(f"Signed: {output or model}")
