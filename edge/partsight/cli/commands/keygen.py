"""``partsight keygen``."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("keygen")
@click.argument("key", type=click.Path(path_type=Path, dir_okay=False))
def command(key: Path) -> None:
    """Make a pair of keys: KEY signs models, KEY.pub verifies them.

    KEY stays where models are approved; only its owner can read it. KEY.pub goes to the
    devices. Neither replaces a file that is there.

    \b
    Example:
      partsight keygen line.key
    """
    from partsight.model.key_files import make_key_pair

    public = make_key_pair(key)
    click.echo(f"Private key, to sign with:  {key}\nPublic key, for devices:    {public}")
