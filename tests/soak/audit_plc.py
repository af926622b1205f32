"""Checks the writes that the PLC received, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.soak.evidence import Evidence, PlcWrite, Row
from tests.soak.findings import Finding

__all__ = ["plc_findings"]

_COILS, _REGISTERS = 15, 16
_VERDICTS = ("accept", "reject", "review")
# Registers of the counts of accept, reject, review and late, two words each, then the sequence.
_SEQUENCE = 8


def plc_findings(evidence: Evidence) -> Iterator[Finding]:
    """Each sequence is shown once, with the coils of its verdict, and the counts add up."""
    yield from _shown(evidence)
    yield from _counts(evidence)


def _shown(evidence: Evidence) -> Iterator[Finding]:
    """A repeated write of the current sequence is no new part for a PLC; any other repeat is."""
    by_seq: dict[int, list[Row]] = {}
    for rows in evidence.journals.values():
        for row in rows:
            by_seq.setdefault(row["seq"], []).append(row)
    coils: Sequence[int] = ()
    current, highest, restarts, seen = 0, 0, 0, set[int]()
    for write in evidence.plc_writes:
        if write.function == _COILS and write.address == 0:
            coils = write.values[:3]
        sequence = _sequence(write)
        if sequence is None or sequence == current:
            continue
        if sequence < highest and restarts < evidence.replaced_journals:
            restarts, highest, seen = restarts + 1, 0, set()
        if sequence in seen:
            yield Finding("doubled", f"modbus: coils moved twice for verdict {sequence}")
        elif sequence < highest:
            yield Finding("disordered", f"modbus: verdict {sequence} shown after {highest}")
        seen.add(sequence)
        current, highest = sequence, max(sequence, highest)
        candidates = by_seq.get(sequence, [])
        if not candidates:
            yield Finding("invented", f"modbus: verdict {sequence} is in no journal")
        elif not any(_pattern(row) == list(coils) for row in candidates):
            yield Finding("altered", f"modbus: verdict {sequence} shown with coils {list(coils)}")


def _sequence(write: PlcWrite) -> int | None:
    if write.function != _REGISTERS or len(write.values) <= _SEQUENCE + 1:
        return None
    return _number(write.values, _SEQUENCE)


def _pattern(row: Row) -> list[int]:
    return [int(row["verdict"] == verdict) for verdict in _VERDICTS]


def _counts(evidence: Evidence) -> Iterator[Finding]:
    """Over all processes of the line, each row is counted once, and shown or counted as late.

    A process that is killed between a write and saving its position counts one row again in the
    next process: at least once is all that can be had there.
    """
    if not evidence.lives or not evidence.plc_writes:
        return
    counted = late = 0
    ends = [*(life.plc_from for life in evidence.lives[1:]), len(evidence.plc_writes)]
    for life, end in zip(evidence.lives, ends, strict=True):
        counts = _written(evidence.plc_writes[life.plc_from : end])
        totals = [sum(each[:3]) for each in counts]
        if totals != sorted(totals):
            yield Finding("altered", "modbus: a count went down while the line ran")
        counted += totals[-1] if totals else 0
        late += counts[-1][3] if counts else 0
    rows = len({row["id"] for rows in evidence.journals.values() for row in rows})
    again = len(evidence.lives) - 1
    if not rows <= counted <= rows + again:
        kind = "lost" if counted < rows else "doubled"
        yield Finding(kind, f"modbus: {counted} counted, expected {rows} to {rows + again}")
    shown = len({sequence for write in evidence.plc_writes if (sequence := _sequence(write))})
    if not evidence.replaced_journals and shown + late < rows:
        yield Finding("lost", f"modbus: {shown} verdicts shown and {late} late, expected {rows}")


def _written(writes: Sequence[PlcWrite]) -> list[list[int]]:
    """Return the counts of accept, reject, review and late of each write of registers."""
    return [
        [_number(write.values, 2 * place) for place in range(4)]
        for write in writes
        if write.function == _REGISTERS and write.address == 0
    ]


def _number(words: Sequence[int], place: int) -> int:
    return words[place] * 65536 + words[place + 1]
