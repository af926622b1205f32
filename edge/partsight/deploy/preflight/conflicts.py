"""Settings that are valid one by one and cannot work together on this device."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from partsight.config.document import Config
from partsight.config.settings import settings_of
from partsight.config.source_address import Kind, classify_address
from partsight.deploy.preflight.findings import Finding
from partsight.deploy.preflight.paths import is_read

__all__ = ["check_conflicts"]

# Endings of the files next to a journal: of SQLite, the writer's lock, and the sinks' cursors.
_JOURNAL_ENDS = ("-wal", "-shm", ".lock", ".cursors")
_ANY_HOST = frozenset({"", "0.0.0.0", "::"})


def check_conflicts(
    config: Config, reserved: Mapping[str, Path] | None = None
) -> Iterator[Finding]:
    """Check files that are written twice, ports that are used twice, and output that is input.

    Args:
        config: as read from the file.
        reserved: further files that must not be written, such as the model, by what they are.
    """
    yield from _shared_files(config, reserved or {})
    yield from _shared_port(config)
    yield from _images_in_the_source(config)
    if config.sinks and config.journal.path is None:
        message = (
            "sinks read verdicts from the journal, and no journal is configured. Set journal.path, "
            "or start the line with --journal"
        )
        yield Finding("sinks", message, "warning")


def _shared_files(config: Config, reserved: Mapping[str, Path]) -> Iterator[Finding]:
    """A second writer destroys a file: the journal, a model or a key."""
    sinks = {f"sinks[{number}].path": sink for number, sink in enumerate(config.sinks)}
    written = {"journal.path": config.journal.path}
    written |= {key: getattr(sink, "path", None) for key, sink in sinks.items()}
    others = {**reserved, **_files_to_read(config), **_journal_files(config.journal.path)}
    for second, path in written.items():
        if path is None:
            continue
        first = next((key for key, other in others.items() if _is_same(other, path)), None)
        if first is not None:
            yield Finding(
                second, f"{path} is also the file of {first}. Name another file for one of them"
            )
        others[second] = path


def _files_to_read(config: Config) -> dict[str, Path]:
    settings = (each for each in settings_of(config) if is_read(each))
    return {each.name: each.value for each in settings if isinstance(each.value, Path)}


def _journal_files(path: Path | None) -> dict[str, Path]:
    """Files that a journal has in addition to its own."""
    if path is None:
        return {}
    return {f"journal.path ({end})": Path(f"{path}{end}") for end in _JOURNAL_ENDS}


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:  # one of them does not exist yet
        return os.path.realpath(one) == os.path.realpath(other)


def _shared_port(config: Config) -> Iterator[Finding]:
    health, trigger = config.health, config.trigger
    if not health.enabled or trigger.kind != "http" or trigger.port != health.port:
        return
    if trigger.host == health.host or _ANY_HOST & {trigger.host, health.host}:
        message = f"health.port is also {health.port}. Choose another port for one of them"
        yield Finding("trigger.port", message)


def _images_in_the_source(config: Config) -> Iterator[Finding]:
    """Stored frames in a watched folder would be inspected as parts, without end."""
    address, folder = config.source.address, config.pictures.folder
    if address is None or folder is None or not config.source.folder.watch:
        return
    found = classify_address(address)
    if found.kind is Kind.FOLDER:
        watched, kept = Path(os.path.realpath(found.target)), Path(os.path.realpath(folder))
        if kept.is_relative_to(watched):
            message = (
                f"{folder} lies in the watched folder {found.target}: stored frames would be "
                "inspected again. Choose a folder outside of it"
            )
            yield Finding("pictures.folder", message)
