"""The record of known time, and how it advances; see ``elapsed``. Pure but for ``read_record``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import FiniteFloat, TypeAdapter

from partsight.utils.clocks import Clocks

__all__ = ["DAY_S", "ClockRecord", "advanced", "anchored", "read_record"]

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """The state of known time; times in seconds.

    Attributes:
        known_s: known time when the record was made.
        wall_s: wall clock then, Unix seconds.
        since_boot_s: clock that never jumps, then.
        boot: id of the boot.
        shift_s: known time minus wall clock, at the last time both were believed.
        confirmed: whether the wall clock was confirmed at that time.
        unseen: whether the machine has started again since that time.
        set_s: sum of the changes of the wall clock since then, while the machine ran.
    """

    known_s: FiniteFloat
    wall_s: FiniteFloat
    since_boot_s: FiniteFloat
    boot: str
    shift_s: FiniteFloat = 0.0
    confirmed: bool = False
    unseen: bool = False
    set_s: FiniteFloat = 0.0


def advanced(record: ClockRecord, clocks: Clocks) -> tuple[ClockRecord, float]:
    """The record of now, and how far the wall clock is ahead of the time that it should show."""
    wall_s, since_boot_s, boot = clocks.wall(), clocks.since_boot(), clocks.boot()
    expected_s, unseen, set_s = record.known_s, record.unseen, record.set_s
    target_s = wall_s + record.shift_s
    if boot == record.boot and since_boot_s >= record.since_boot_s:
        passed_s = since_boot_s - record.since_boot_s
        expected_s += passed_s
        set_s += wall_s - record.wall_s - passed_s
    else:
        unseen = True
        if target_s - expected_s <= DAY_S:
            expected_s = max(expected_s, target_s)
    now = replace(
        record,
        known_s=expected_s,
        wall_s=wall_s,
        since_boot_s=since_boot_s,
        boot=boot,
        unseen=unseen,
        set_s=set_s,
    )
    return now, target_s - expected_s


def anchored(record: ClockRecord) -> ClockRecord:
    """Believe the wall clock: the time that passed while the machine was off is known now.

    Nothing is added if the machine was on: then the clock was wrong before. If it was not confirmed
    before, changes of it while the machine ran were corrections too.
    """
    off_s = record.wall_s + record.shift_s - record.known_s if record.unseen else 0.0
    if not record.confirmed:
        off_s -= max(0.0, record.set_s)
    known_s = record.known_s + max(0.0, off_s)
    return replace(
        record,
        known_s=known_s,
        shift_s=known_s - record.wall_s,
        confirmed=True,
        unseen=False,
        set_s=0.0,
    )


def read_record(path: Path) -> ClockRecord:
    """Read a record.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a record.
    """
    return TypeAdapter(ClockRecord).validate_json(path.read_bytes(), strict=True)
