"""Forks children that append to a journal and print each id once it is durable.

Run by ``test_journal_faults``: it writes a path a line, gets the process id of a child that
appends there, and kills it. One process imports; its children need no time to start.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
from pathlib import Path

from partsight.journal import Journal
from partsight.sinks.delivery_worker import DeliveryWorker
from partsight.sinks.rotating import RotatingSink
from partsight.telemetry.telemetry import Telemetry

ROW = {"captured_at": "2024-05-06T07:08:09.123+00:00", "verdict": "reject", "reason": "x" * 300}


def append_for_ever(path: Path) -> None:
    """Append and print ids until killed; a CSV file next to the journal is written meanwhile."""

    def csv() -> RotatingSink:
        return RotatingSink(path.with_suffix(".csv"), "csv")

    # A small log, so that kills meet its copying too.
    with (
        Journal(path, checkpoint_rows=5) as journal,
        DeliveryWorker("csv", csv, path, journal, Telemetry(), start="beginning"),
    ):
        while True:
            name = f"{random.getrandbits(128):032x}"
            journal.append({**ROW, "id": name})
            os.write(1, f"{name}\n".encode())
            journal.event("state", {"id": name})


def main() -> None:
    """A child a line."""
    logging.disable()  # the standard error reports process ids
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            random.seed()
            append_for_ever(Path(line.rstrip("\n")))
        os.write(2, f"{child}\n".encode())


if __name__ == "__main__":
    main()
