"""Collects the evidence of a run from files, servers and the commands of partsight."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
from tests.soak.evidence import Evidence, PlcWrite, Request, Row
from tests.soak.pixel_code import number_in
from tests.soak.rig import FRAME_TIMEOUT_S, PREFIX, Rig
from tests.soak.rows import file_rows, journal_rows

__all__ = ["collect"]

_VERDICTS = f"{PREFIX}/verdicts"
# Larger files are the sparse models of a fault.
_LARGEST_BYTES = 200_000_000


def collect(rig: Rig, requests: Sequence[Request]) -> Evidence:
    """Return what a run left behind; the line has ended."""
    journals = _journals(rig)
    return Evidence(
        requests=requests,
        shown=rig.camera.shown(),
        frame_timeout_s=FRAME_TIMEOUT_S,
        journals={str(path.relative_to(rig.folder)): journal_rows(path) for path in journals},
        verified=_verified(rig),
        exported=_exported(rig),
        received=_received(rig),
        plc_writes=[PlcWrite(*write) for write in rig.plc.writes],
        pictures=_pictures(rig),
        gaps=rig.gaps,
        replaced_journals=rig.replaced_journals,
        models=rig.models,
        texts=dict(_texts(rig)),
        secrets=_secrets(rig),
        lives=rig.line.lives,
    )


def _journals(rig: Rig) -> list[Path]:
    """The journals by age: taken away by faults, moved aside by the line, the current one."""
    moved = [
        path
        for path in rig.data.glob("*.db*")
        if path != rig.journal and not path.name.endswith(("-wal", "-shm", ".lock", "-journal"))
    ]
    readable = [path for path in moved if path.is_file() and journal_rows(path)]
    aside = sorted([*rig.aside, *readable], key=lambda path: path.stat().st_mtime)
    return [*aside, rig.journal]


def _verified(rig: Rig) -> dict[str, str]:
    """The complaint about the line's own journal, and about backups that were made of it."""
    return {
        str(path.relative_to(rig.folder)): _run("journal", "verify", str(path))
        for path in (*rig.aside, rig.journal)
    }


def _exported(rig: Rig) -> dict[str, int]:
    output = rig.folder / "export.jsonl"
    complaint = _run("journal", "export", str(rig.journal), "-o", str(output))
    rows = 0 if complaint or not output.exists() else len(file_rows(output))
    return {str(rig.journal.relative_to(rig.folder)): rows}


def _run(*arguments: str) -> str:
    """Run the command line; return its complaint, empty if it ends with 0."""
    command = [sys.executable, "-m", "partsight", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if ended.returncode == 0 else ended.stderr.strip() or f"exit {ended.returncode}"


def _received(rig: Rig) -> dict[str, list[Row]]:
    posted = [json.loads(post.body)["verdicts"] for post in list(rig.web.posts)]
    return {
        "mqtt": rig.listener.contents(_VERDICTS),
        "webhook": [row for rows in posted for row in rows],
        "csv": _of_files(rig, "csv"),
        "jsonl": _of_files(rig, "jsonl"),
    }


def _of_files(rig: Rig, sink: str) -> list[Row]:
    """Rows of all files of a sink, also of those that a fault moved or removed.

    A line that finds its file moved continues in a new one, so files do not say in which order
    their rows came; within one file the order counts.
    """
    files = sorted((rig.data / sink).rglob(f"*.{sink}*"), key=lambda path: path.stat().st_mtime)
    rows = [row for path in files if path.is_file() for row in file_rows(path)]
    return [*rig.taken[sink], *rows] if rig.taken[sink] else rows


def _pictures(rig: Rig) -> dict[str, int | None]:
    folder = rig.data / "pictures"
    return {
        str(path.relative_to(folder)): number_in(cv2.imread(str(path)))
        for path in folder.rglob("*.jpg")
        if not path.name.startswith(".")
    }


def _texts(rig: Rig) -> Iterator[tuple[str, bytes]]:
    """Everything that the line wrote or sent, except images and models."""
    yield from rig.texts.items()
    for path in rig.folder.rglob("*"):
        skipped = "secrets" in path.relative_to(rig.folder).parts or "mosquitto" in path.parts
        if skipped or path.suffix in (".jpg", ".tflite") or path.is_symlink():
            continue
        if path.is_file() and path.stat().st_size < _LARGEST_BYTES:
            yield str(path.relative_to(rig.folder)), path.read_bytes()
    yield "webhook", b"\n".join(post.body for post in list(rig.web.posts))
    messages = list(rig.listener.messages)
    yield "mqtt", b"\n".join(bytes(message.payload) for message in messages)


def _secrets(rig: Rig) -> list[str]:
    """The secrets, and the camera's user and password as HTTP sends them."""
    pair = f"soak:{rig.secrets['camera']}".encode()
    return [*rig.secrets.values(), base64.b64encode(pair).decode()]
