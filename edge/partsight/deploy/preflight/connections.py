"""Sinks and the trigger: packages, secrets, certificates and file names. Nothing is connected."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from partsight.config.document import Config
from partsight.config.secret import optional_secret
from partsight.config.tls import TlsSection
from partsight.deploy.preflight.findings import Finding
from partsight.errors import PartsightError
from partsight.sinks.open import load_sink_module
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers import open_trigger

__all__ = ["check_connections"]

# Files that the TLS library reads; all other ``..._file`` keys hold secrets.
_CERTIFICATES = frozenset({"ca_file", "certificate_file", "key_file"})


def check_connections(config: Config) -> Iterator[Finding]:
    """Check what sinks and the trigger need before they can connect."""
    # Making a trigger imports its packages; it listens only once it is entered.
    yield from _failure("trigger", partial(open_trigger, config.trigger, Telemetry()))
    yield from _section("trigger", config.trigger)
    for index, sink in enumerate(config.sinks):
        key = f"sinks[{index}]"
        yield from _failure(key, partial(load_sink_module, sink.kind))
        yield from _section(key, sink)
        path = getattr(sink, "path", None)
        if path is not None:
            yield from _written_file(f"{key}.path", path, f"verdicts.{sink.kind}")
    if config.journal.path is not None:
        yield from _written_file("journal.path", config.journal.path, "journal.db")


def _written_file(key: str, path: Path, example: str) -> Iterator[Finding]:
    """Check that a path can be a file that is appended to, read back and renamed."""
    if path.is_dir():
        yield Finding(key, f"{path} is a folder. Name a file, such as {path / example}")
    elif path.exists() and not path.is_file():
        yield Finding(
            key,
            f"{path} is a device or a pipe, not a file. Name a file, or write to the standard "
            'output with kind = "stdout"',
        )


def _section(key: str, section: BaseModel) -> Iterator[Finding]:
    """Check the content of the readable files that a section names."""
    if isinstance(section, TlsSection) and _readable(section, _CERTIFICATES):
        from partsight.connections.tls import load_certificates

        yield from _failure(key, partial(load_certificates, section, key))
    for field in type(section).model_fields:
        file = getattr(section, field)
        if not field.endswith("_file") or field in _CERTIFICATES or file is None:
            continue
        if os.access(file, os.R_OK):
            name = field.removesuffix("_file")
            yield from _failure(f"{key}.{field}", partial(optional_secret, name, None, file))


def _readable(section: BaseModel, fields: frozenset[str]) -> bool:
    files = [getattr(section, field, None) for field in fields]
    return all(os.access(file, os.R_OK) for file in files if isinstance(file, Path))


def _failure(key: str, attempt: Callable[[], object]) -> Iterator[Finding]:
    try:
        attempt()
    except PartsightError as error:
        yield Finding(key, str(error))
