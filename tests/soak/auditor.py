"""Compares what was shown to the line with what each receiver got.

``audit`` returns the findings; none means that nothing was lost, invented or doubled.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence

from tests.soak.audit_plc import plc_findings
from tests.soak.audit_resources import resource_findings
from tests.soak.evidence import Evidence, Gap, Request, Row
from tests.soak.findings import Finding
from tests.soak.pixel_code import number_of

__all__ = ["audit"]

# Between a trigger and its image: the way of the frame through sockets and processes.
_FRAME_SLACK_S = 0.5
# What a verdict must have in common with its row in the journal, at every receiver.
_SAME = ("part_id", "verdict", "seq")


def audit(evidence: Evidence) -> list[Finding]:
    """Return all findings, the most damaging kinds first."""
    rows = _unique(row for rows in evidence.journals.values() for row in rows)
    return [
        *_parts(evidence, rows),
        *_journals(evidence),
        *_sinks(evidence, rows),
        *plc_findings(evidence),
        *_pictures(evidence, rows),
        *_models(evidence, rows),
        *_secrets(evidence),
        *resource_findings(evidence),
    ]


def _unique(rows: Iterator[Row]) -> list[Row]:
    return list({row["id"]: row for row in rows}.values())


def _parts(evidence: Evidence, rows: Sequence[Row]) -> Iterator[Finding]:
    """Each accepted trigger has one verdict, and each verdict a trigger."""
    verdicts = collections.Counter(row["part_id"] for row in rows)
    asked = {request.part_id for request in evidence.requests}
    accepted = [request for request in evidence.requests if request.accepted]
    missing = [request for request in accepted if not verdicts[request.part_id]]
    for request in _unexcused(missing, evidence.gaps, "journal"):
        yield Finding("lost", f"{request.part_id}: accepted, and no verdict", request.at_s)
    for part_id, count in verdicts.items():
        if part_id not in asked:
            yield Finding("invented", f"{part_id}: a verdict without a trigger")
        elif count > 1:
            yield Finding("doubled", f"{part_id}: {count} verdicts with different ids")
    for request in evidence.requests:
        if request.due and not request.accepted:
            answer = f"answered with {request.status}" if request.status else "not answered"
            yield Finding("refused", f"{request.part_id}: trigger {answer}", request.at_s)


def _unexcused(missing: Sequence[Request], gaps: Sequence[Gap], receiver: str) -> Iterator[Request]:
    """Yield the missing verdicts that no gap allows."""
    left = {number: gap.count for number, gap in enumerate(gaps) if gap.receiver == receiver}
    for request in missing:
        for number, count in left.items():
            inside = gaps[number].from_s <= request.at_s <= gaps[number].to_s
            if inside and (count is None or count > 0):
                left[number] = None if count is None else count - 1
                break
        else:
            yield request


def _journals(evidence: Evidence) -> Iterator[Finding]:
    """Each journal is a whole chain, and its export has all of its rows."""
    for name, complaint in evidence.verified.items():
        if complaint:
            yield Finding("altered", f"{name}: {complaint}")
    for name, count in evidence.exported.items():
        if count != len(evidence.journals[name]):
            kept = len(evidence.journals[name])
            yield Finding("lost", f"{name}: export has {count} rows of {kept}")
    versions: dict[str, Row] = {}
    for row in (row for rows in evidence.journals.values() for row in rows):
        earlier = versions.setdefault(row["id"], row)
        if any(earlier[key] != row[key] for key in ("part_id", "verdict")):
            yield Finding("altered", f"{row['part_id']}: differs between two journals")


def _sinks(evidence: Evidence, rows: Sequence[Row]) -> Iterator[Finding]:
    """Each sink received each row of the journal, unchanged and in its order."""
    by_id = {row["id"]: row for row in rows}
    sent = {request.part_id: request for request in evidence.requests}
    for sink, received in evidence.received.items():
        seen = list(dict.fromkeys(row["id"] for row in received))
        for row in received:
            original = by_id.get(row["id"])
            if original is None:
                yield Finding("invented", f"{sink}: {row['part_id']} is in no journal")
            elif any(_text(original, key) != _text(row, key) for key in _SAME if key in row):
                yield Finding("altered", f"{sink}: {row['part_id']} differs from the journal")
        missing = [sent[row["part_id"]] for row in rows if _is_missing(row, set(seen), sent)]
        for request in _unexcused(missing, evidence.gaps, sink):
            yield Finding("lost", f"{sink}: {request.part_id} not received", request.at_s)
        places = {name: place for place, name in enumerate(by_id)}
        order = [places[name] for name in seen if name in places]
        if order != sorted(order):
            yield Finding("disordered", f"{sink}: verdicts not in the journal's order")


def _text(row: Row, key: str) -> str:
    """CSV has texts only."""
    return str(row[key])


def _is_missing(row: Row, seen: set[str], sent: dict[str, Request]) -> bool:
    return row["id"] not in seen and row["part_id"] in sent


def _pictures(evidence: Evidence, rows: Sequence[Row]) -> Iterator[Finding]:
    """Each image is whole and shows the part that was in front of the camera."""
    sent = {request.part_id: request for request in evidence.requests}
    named = {row["picture"]: row for row in rows if row["picture"]}
    missing = [
        sent[row["part_id"]]
        for path, row in named.items()
        if path not in evidence.pictures and row["part_id"] in sent
    ]
    for request in _unexcused(missing, evidence.gaps, "pictures"):
        yield Finding("lost", f"pictures: the image of {request.part_id} is missing", request.at_s)
    for path, number in evidence.pictures.items():
        row = named.get(path)
        if row is None:
            yield Finding("invented", f"pictures: {path} belongs to no verdict")
        elif number is None:
            yield Finding("altered", f"pictures: {path} of {row['part_id']} is damaged")
        elif row["part_id"] in sent and not _in_view(evidence, sent[row["part_id"]], number):
            text = f"pictures: {row['part_id']} was judged by the image of part {number}"
            yield Finding("wrong part", text, sent[row["part_id"]].at_s)


def _in_view(evidence: Evidence, request: Request, number: int) -> bool:
    """Whether the camera sent this number when the part's frame was due."""
    if number == number_of(request.part_id):
        return True
    until_s = request.at_s + evidence.frame_timeout_s + _FRAME_SLACK_S
    return any(
        shown.number == number and shown.from_s <= until_s and shown.to_s >= request.at_s
        for shown in evidence.shown
    )


def _models(evidence: Evidence, rows: Sequence[Row]) -> Iterator[Finding]:
    for row in rows:
        if row["model"] not in evidence.models:
            yield Finding("wrong model", f"{row['part_id']}: judged by {row['model'][:12]}")


def _secrets(evidence: Evidence) -> Iterator[Finding]:
    for name, content in evidence.texts.items():
        for place, secret in enumerate(evidence.secrets):
            if secret.encode() in content:
                yield Finding("secret", f"{name} contains secret {place}")
