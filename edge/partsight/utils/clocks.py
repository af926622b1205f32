"""The clocks of this machine: wall clock, time since boot, and whether NTP set the wall clock."""

from __future__ import annotations

import ctypes
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Clocks", "is_synchronized"]

# Without Linux's id of the boot, each process counts as a boot of its own.
_PROCESS = uuid.uuid4().hex
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# adjtimex() returns this while no NTP service keeps the clock: also after somebody set it by hand.
_NOT_SYNCHRONIZED = 5
# The kernel's time may differ by this much from the clock of this process, not by more.
_SAME_CLOCK_S = 60.0


def _since_boot() -> float:
    """Seconds that never jump, and go on while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return _PROCESS


class _Timex(ctypes.Structure):
    """The first fields of Linux's ``struct timex``; the rest is room for the kernel's answer."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("rest", ctypes.c_char * 256),
    )


def is_synchronized(wall_s: float) -> bool:
    """Whether an NTP service keeps the clock that shows this time.

    Args:
        wall_s: Unix seconds that this process sees; a clock set for this process alone is not the
            one that NTP keeps.
    """
    if sys.platform != "linux":
        return False
    kernel = _Timex()  # modes = 0: read only, which needs no privilege
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(kernel))
    except (OSError, AttributeError):
        return False
    if state < 0 or state == _NOT_SYNCHRONIZED:
        return False
    return bool(abs(kernel.seconds - wall_s) <= _SAME_CLOCK_S)


@dataclass(frozen=True, slots=True)
class Clocks:
    """Readings of the clocks, replaced in tests.

    Attributes:
        wall: Unix seconds; people and services set this clock.
        since_boot: seconds that never jump, valid within one boot.
        boot: id of the boot.
        synchronized: whether NTP keeps the clock that shows these Unix seconds.
    """

    wall: Callable[[], float] = time.time
    since_boot: Callable[[], float] = _since_boot
    boot: Callable[[], str] = _boot
    synchronized: Callable[[float], bool] = is_synchronized
