"""``partsight model keygen``."""

from __future__ import annotations

from pathlib import Path

import click

from partsight.cli.options import LocalPath

__all__ = ["command"]


@click.command("keygen")
@click.argument("key", type=LocalPath(path_type=Path, dir_okay=False))
def command(key: Path) -> None:
    """Make a key pair: KEY signs models, KEY.pub verifies them.

    KEY stays on the machine where models are approved; only its owner can read it. Copy KEY.pub
    to the devices. Existing files are not replaced.

    \b
    Example:
      partsight model keygen line.key
    """
    from partsight.model.key_files import make_key_pair

    public = make_key_pair(key)
    click.echo(f"Private key, to sign with:  {key}\nPublic key, for devices:    {public}")
