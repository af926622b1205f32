"""Settings that are valid one by one and cannot work together on this device."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from partsight.config.document import Config
from partsight.config.source_address import Kind, classify_address
from partsight.deploy.preflight.findings import Finding

__all__ = ["check_conflicts"]

_ANY_HOST = frozenset({"", "0.0.0.0", "::"})


def check_conflicts(config: Config) -> Iterator[Finding]:
    """Check files that are written twice, ports that are used twice, and output that is input."""
    yield from _shared_files(config)
    yield from _shared_port(config)
    yield from _images_in_the_source(config)
    if config.sinks and config.journal.path is None:
        message = (
            "sinks read the journal, and there is none. Set journal.path, or start the line with "
            "--journal"
        )
        yield Finding("sinks", message, "warning")


def _shared_files(config: Config) -> Iterator[Finding]:
    """Two writers of one file destroy it: the journal would be taken for damaged."""
    sinks = {f"sinks[{number}].path": sink for number, sink in enumerate(config.sinks)}
    files = {"journal.path": config.journal.path}
    files |= {key: getattr(sink, "path", None) for key, sink in sinks.items()}
    named = [(key, path) for key, path in files.items() if path is not None]
    for (first, one), (second, other) in combinations(named, 2):
        if _is_same(one, other):
            yield Finding(second, f"{other} is the file of {first}, too. Give each its own file")


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
        message = f"health.port is {health.port}, too. Choose another port for one of them"
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
