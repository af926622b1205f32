"""History of a model store: one JSON object per line, for people and ``model list``.

The line uses it only to recognize the contents of a watched file that it has already processed.
A torn last line, as after a power cut, is ignored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from partsight.errors import OutputError
from partsight.model_store.store import ModelStore

__all__ = ["read_history", "remember"]


def remember(store: ModelStore, entry: Mapping[str, Any]) -> None:
    """Append to the history.

    Raises:
        OutputError: the history cannot be written.
    """
    line = json.dumps(entry, default=str)
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        with store.history.open("a+b") as file:
            torn = file.tell() and (file.seek(-1, os.SEEK_END), file.read())[1] != b"\n"
            file.write(("\n" * bool(torn) + line + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(
            f"cannot write {store.history}: {error.strerror or error}. Free space, or give this "
            "user write access."
        ) from error


def read_history(store: ModelStore) -> list[dict[str, Any]]:
    """Return all entries, oldest first; lines that cannot be read are skipped."""
    try:
        text = store.history.read_text("utf-8", "replace")
    except OSError:
        return []
    entries = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            entries.append(entry)
    return entries
