"""Faults of the line's process, its clock and its models."""

from __future__ import annotations

import functools
import hashlib
import signal
import time
from collections.abc import Callable, Mapping

from tests.soak.line import write_offset
from tests.soak.model_files import BAD, good_model, write_bad_model
from tests.soak.plan import Fault
from tests.soak.rig import Rig

__all__ = ["FAULTS"]

Act = Callable[[Rig, Fault], None]
_HOUR_S = 3600.0
_YEAR_S = 365 * 24 * _HOUR_S
# Triggers that may wait in memory, by default, and the one that is inspected.
_WAITING = 9
# A part is judged, and its image written, within this time.
_JUDGED_S, _WRITTEN_S = 1.5, 3.0


def _killed(rig: Rig, fault: Fault) -> None:
    at_s = time.monotonic()
    rig.line.kill()
    rig.gap("journal", at_s - _JUDGED_S, _WAITING, "killed while parts waited")
    rig.gap("pictures", at_s - _WRITTEN_S, None, "killed while images were written")
    time.sleep(fault.seconds / 4)
    rig.line.start()


def _restarted(rig: Rig, fault: Fault) -> None:
    at_s = time.monotonic()
    rig.line.stop()
    # Parts that wait when it is asked to end are not inspected; it ends after the current one.
    rig.gap("journal", at_s - _JUDGED_S, _WAITING, "stopped while parts waited")
    rig.line.start()


def _stopped(rig: Rig, fault: Fault) -> None:
    rig.paused = True
    rig.line.signal(signal.SIGSTOP)
    time.sleep(fault.seconds)
    rig.line.signal(signal.SIGCONT)
    time.sleep(1.0)
    rig.paused = False


def _reloaded(rig: Rig, fault: Fault) -> None:
    rig.line.signal(signal.SIGHUP)


def _clock(rig: Rig, fault: Fault, error_s: float, restart: bool) -> None:
    write_offset(rig.clock, error_s)
    if restart:
        _restarted(rig, fault)
    time.sleep(fault.seconds)
    write_offset(rig.clock, 0.0)


def _good_model(rig: Rig, fault: Fault) -> None:
    data = good_model(rig.model, f"soak {fault.at_s}")
    rig.models.append(hashlib.sha256(data).hexdigest())
    rig.incoming.mkdir(parents=True, exist_ok=True)
    part = rig.incoming / "good.tflite.part"
    part.write_bytes(data)
    part.rename(rig.incoming / "good.tflite")
    time.sleep(fault.seconds)


def _bad_model(rig: Rig, fault: Fault, kind: str) -> None:
    write_bad_model(kind, rig.model, rig.incoming, int(fault.at_s * 10))
    time.sleep(fault.seconds)


FAULTS: Mapping[str, Act] = {
    "line killed": _killed,
    "line restarted": _restarted,
    "line stopped": _stopped,
    "line reloaded": _reloaded,
    "clock an hour ahead": functools.partial(_clock, error_s=_HOUR_S, restart=False),
    "clock an hour back": functools.partial(_clock, error_s=-_HOUR_S, restart=False),
    "clock two years ahead": functools.partial(_clock, error_s=2 * _YEAR_S, restart=False),
    "start two years ahead": functools.partial(_clock, error_s=2 * _YEAR_S, restart=True),
    "start in 2000": functools.partial(_clock, error_s=-26 * _YEAR_S, restart=True),
    "model good": _good_model,
    **{f"model {kind}": functools.partial(_bad_model, kind=kind) for kind in BAD},
}
