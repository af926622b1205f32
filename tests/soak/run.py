"""One soak run: the line with everything connected, the faults of a plan, then the audit."""

from __future__ import annotations

import collections
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.soak.auditor import audit
from tests.soak.belt import Belt
from tests.soak.collect import collect
from tests.soak.evidence import Evidence
from tests.soak.faults import FAULTS
from tests.soak.findings import Finding
from tests.soak.plan import Fault
from tests.soak.rig import Rig

__all__ = ["Result", "soak"]

# Waits between attempts of a sink grow to a minute; then everything must be delivered.
_DRAIN_S = 90.0


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run."""

    evidence: Evidence
    findings: Sequence[Finding]
    started_s: float
    disk: str


def soak(
    folder: Path, seconds: float, seed: int, plan: Sequence[Fault], say: Callable[[str], None]
) -> Result:
    """Run the line for some seconds with the faults of a plan, and audit the records.

    Args:
        folder: empty; gets all files of the run, and ``soak.log`` with the faults and their times.
        seconds: duration, without the start and the last deliveries.
        seed: of the random numbers of the servers.
        plan: faults in the order of their times.
        say: gets a line per fault.
    """
    with (folder / "soak.log").open("w") as log, Rig(folder, seconds, seed) as rig:
        rig.line.start()
        started_s = time.monotonic()

        def note(text: str) -> None:
            line = f"{time.monotonic() - started_s:7.1f} s  {text}"
            log.write(f"{line}\n")
            log.flush()
            say(line)

        note(f"the line runs; disk: {rig.disk.kind}")
        belt = Belt(rig)
        belt.start()
        try:
            _play(rig, plan, started_s, seconds, note)
        finally:
            rig.heal()
            belt.end()
        note("faults ended, waiting for the last deliveries")
        _drain(rig, note)
        rig.texts["metrics"] = rig.line.get("/metrics").encode()
        rig.line.stop()
        time.sleep(1.0)  # the broker's last messages
        evidence = collect(rig, belt.requests)
        findings = audit(evidence)
        _write(folder / "findings.json", findings, started_s)
        return Result(evidence, findings, started_s, rig.disk.kind)


def _play(
    rig: Rig, plan: Sequence[Fault], started_s: float, seconds: float, note: Callable[[str], None]
) -> None:
    lanes: dict[str, list[Fault]] = collections.defaultdict(list)
    for fault in plan:
        lanes[fault.lane].append(fault)
    arguments = [(rig, faults, started_s, note) for faults in lanes.values()]
    threads = [threading.Thread(target=_play_lane, args=each) for each in arguments]
    for thread in threads:
        thread.start()
    while time.monotonic() < started_s + seconds or any(each.is_alive() for each in threads):
        if rig.line.watch():
            note("the line had ended by itself and was started again")
        time.sleep(1.0)


def _play_lane(
    rig: Rig, faults: Sequence[Fault], started_s: float, note: Callable[[str], None]
) -> None:
    for fault in faults:
        time.sleep(max(0.0, started_s + fault.at_s - time.monotonic()))
        note(f"{fault.kind} for {fault.seconds} s")
        try:
            FAULTS[fault.kind](rig, fault)
        except Exception as error:  # noqa: BLE001  one that cannot be caused must not end the run
            note(f"{fault.kind} could not be caused: {error!r}")


def _drain(rig: Rig, note: Callable[[str], None]) -> None:
    until_s = time.monotonic() + _DRAIN_S
    while time.monotonic() < until_s:
        if rig.line.watch():
            note("the line had ended by itself and was started again")
        text = rig.line.get("/metrics")
        if "partsight_queue" in text and rig.metric("partsight_queue") == 0:
            return
        time.sleep(1.0)
    note(f"not delivered within {_DRAIN_S:g} s")


def _write(path: Path, findings: Sequence[Finding], started_s: float) -> None:
    entries = [
        {**asdict(each), "at_s": None if each.at_s is None else round(each.at_s - started_s, 1)}
        for each in findings
    ]
    path.write_text(json.dumps(entries, indent=1))
