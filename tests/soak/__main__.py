"""Soak test of the line.

python -m tests.soak --seconds 180 --seed 1
"""

from __future__ import annotations

import argparse
import collections
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.soak.audit_resources import WARM_UP_S, growth
from tests.soak.evidence import Life
from tests.soak.faults import FAULTS, LANES
from tests.soak.findings import Finding
from tests.soak.plan import Fault, make_plan
from tests.soak.run import Result, soak

# Findings of one kind and receiver that are printed; findings.json has all.
_SHOWN = 5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="duration; default 180")
    parser.add_argument("--seed", type=int, default=1, help="of the plan of faults; default 1")
    parser.add_argument("--folder", type=Path, help="keep the files of the run here")
    parser.add_argument("--only", nargs="*", metavar="TEXT", help="kinds that contain a text")
    parser.add_argument("--without", nargs="*", default=[], metavar="TEXT", help="leave these out")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _lanes(options: argparse.Namespace) -> dict[str, list[str]]:
    def is_chosen(kind: str) -> bool:
        wanted = options.only is None or any(text in kind for text in options.only)
        return wanted and not any(text in kind for text in options.without)

    return {lane: [kind for kind in kinds if is_chosen(kind)] for lane, kinds in LANES.items()}


def _main() -> int:
    options = _arguments()
    plan = make_plan(options.seconds, options.seed, _lanes(options))
    _say(f"seed {options.seed}, {options.seconds:g} s, {len(plan)} faults:")
    for fault in plan:
        _say(f"{fault.at_s:7.1f} s  {fault.lane:8} {fault.kind}, {fault.seconds} s")
    folder = options.folder or Path(tempfile.mkdtemp(prefix="partsight-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    result = soak(folder.resolve(), options.seconds, options.seed, plan, _say)
    _report(result, plan)
    if options.folder is None and not result.findings:
        shutil.rmtree(folder, ignore_errors=True)
    elif result.findings:
        _say(f"files of the run: {folder}")
    return 1 if result.findings else 0


def _report(result: Result, plan: list[Fault]) -> None:
    evidence = result.evidence
    _say("")
    kinds = collections.Counter(fault.kind for fault in plan)
    _say(f"faults: {', '.join(f'{kind} {count}' for kind, count in sorted(kinds.items()))}")
    missing = len(FAULTS) - len(kinds)
    _say(f"kinds: {len(kinds)} of {len(FAULTS)}, {missing} not in this plan; disk {result.disk}")
    accepted = sum(request.accepted for request in evidence.requests)
    rows = {row["id"] for rows in evidence.journals.values() for row in rows}
    _say(f"parts: {len(evidence.requests)} shown, {accepted} accepted, {len(rows)} verdicts")
    counts = {sink: len({row["id"] for row in got}) for sink, got in evidence.received.items()}
    _say(f"received: {counts}; PLC writes {len(evidence.plc_writes)}")
    excused = ", ".join(f"{gap.why} ({gap.receiver})" for gap in evidence.gaps) or "none"
    _say(f"images: {len(evidence.pictures)}; gaps: {excused}")
    for number, life in enumerate(evidence.lives, 1):
        _say(f"process {number}: {_life(life)}")
    found = collections.Counter(finding.kind for finding in result.findings)
    _say(f"findings: {dict(found) or 'none'}")
    for finding in _first(result.findings):
        at = "" if finding.at_s is None else f" at {finding.at_s - result.started_s:.1f} s"
        _say(f"  {finding.kind}: {finding.text[:300]}{at}")


def _first(findings: Sequence[Finding]) -> list[Finding]:
    """Return the first few findings of each kind and receiver."""
    seen: collections.Counter[tuple[str, str]] = collections.Counter()
    chosen = []
    for finding in findings:
        receiver = re.sub("SOAK-.*", "", finding.text.partition(":")[0])
        seen[finding.kind, receiver] += 1
        if seen[finding.kind, receiver] <= _SHOWN:
            chosen.append(finding)
    return chosen


def _life(life: Life) -> str:
    if not life.samples:
        return life.ended
    begin = life.samples[0].at_s
    seconds = life.samples[-1].at_s - begin
    warm = [each for each in life.samples if each.at_s - begin >= WARM_UP_S] or life.samples[-1:]
    more = growth([(each.at_s, each.rss) for each in warm])
    peak = max(each.rss for each in life.samples)
    return (
        f"{life.ended} after {seconds:.0f} s, {life.samples[-1].rss / 1e6:.0f} MB at the end, "
        f"peak {peak / 1e6:.0f} MB, growth {more / 1e6:+.1f} MB, "
        f"{life.samples[-1].descriptors} descriptors"
    )


if __name__ == "__main__":
    sys.exit(_main())
