"""The auditor of the soak run rejects each record that was tampered with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from tests.soak.audit_resources import WARM_UP_S, growth
from tests.soak.auditor import audit
from tests.soak.evidence import Evidence, Gap, Life, PlcWrite, Request, Sample, Shown
from tests.soak.pixel_code import image_of, number_in, number_of, part_id

PARTS = 6
MODEL = "a" * 64
SECRET = "SOAK-TOKEN-1"


def row(number: int) -> dict[str, Any]:
    verdict = ("accept", "reject", "review")[number % 3]
    name = f"id-{number}"
    picture = f"2026-01-01/{name}.jpg"
    return {
        "id": name,
        "seq": number,
        "part_id": part_id(number),
        "verdict": verdict,
        "model": MODEL,
        "picture": picture,
    }


ROWS = [row(number) for number in range(1, PARTS + 1)]


def writes(rows: list[dict[str, Any]]) -> list[PlcWrite]:
    made, counts = [], dict.fromkeys(("accept", "reject", "review"), 0)
    for each in rows:
        counts[each["verdict"]] += 1
        made.append(PlcWrite(15, 0, [int(each["verdict"] == name) for name in counts]))
        words = [word for count in counts.values() for word in (0, count)]
        made.append(PlcWrite(16, 0, [*words, 0, 0, 0, each["seq"]]))
    return made


def samples(rss: Callable[[int], int], descriptors: Callable[[int], int]) -> list[Sample]:
    seconds = range(int(WARM_UP_S) + 60)
    return [Sample(float(second), rss(second), descriptors(second)) for second in seconds]


def sound() -> Evidence:
    return Evidence(
        requests=[Request(each["part_id"], each["seq"], 202, due=True) for each in ROWS],
        shown=[Shown(each["seq"], each["seq"] - 0.1, each["seq"] + 0.9) for each in ROWS],
        frame_timeout_s=0.3,
        journals={"journal.db": ROWS},
        verified={"journal.db": ""},
        exported={"journal.db": PARTS},
        received={"mqtt": ROWS, "csv": ROWS},
        plc_writes=writes(ROWS),
        pictures={each["picture"]: each["seq"] for each in ROWS},
        models=[MODEL],
        texts={"log": b"the line has started"},
        secrets=[SECRET],
        lives=[Life(samples(lambda _: 10**8, lambda _: 40), 0, "stopped")],
    )


def changed(**changes: Any) -> Evidence:
    return dataclasses.replace(sound(), **changes)


def with_row(place: int, **changes: Any) -> list[dict[str, Any]]:
    return [{**each, **changes} if at == place else each for at, each in enumerate(ROWS)]


def received(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"mqtt": ROWS, "csv": rows}


def life(**changes: Any) -> list[Life]:
    return [dataclasses.replace(sound().lives[0], **changes)]


def growing(rss: int, descriptors: float) -> list[Life]:
    grown = samples(lambda at: 10**8 + rss * at, lambda at: 40 + int(descriptors * at))
    return life(samples=grown)


PLC = writes(ROWS)

TAMPERED = {
    "a verdict is missing in the journal": (
        "lost",
        {"journals": {"journal.db": ROWS[:-1]}, "exported": {}},
    ),
    "a part has two verdicts": (
        "doubled",
        {"journals": {"journal.db": [*ROWS, {**ROWS[0], "id": "other", "seq": 7}]}},
    ),
    "a verdict without a part": (
        "invented",
        {"journals": {"journal.db": [*ROWS, {**row(7), "part_id": "SOAK-999999"}]}},
    ),
    "a verdict without a part id": (
        "invented",
        {"journals": {"journal.db": [*ROWS, {**row(7), "part_id": None}]}},
    ),
    "a trigger was refused": (
        "refused",
        {"requests": [*sound().requests, Request("SOAK-000009", 9.0, 503, due=True)]},
    ),
    "a trigger was not answered": (
        "refused",
        {"requests": [*sound().requests, Request("SOAK-000009", 9.0, None, due=True)]},
    ),
    "the chain is broken": ("altered", {"verified": {"journal.db": "row 3 was changed"}}),
    "the export lacks a row": ("lost", {"exported": {"journal.db": PARTS - 1}}),
    "two journals contradict each other": (
        "altered",
        {"journals": {"journal.db": ROWS, "old.db": [{**ROWS[0], "verdict": "accept"}]}},
    ),
    "a sink lacks a row": ("lost", {"received": received([*ROWS[:2], *ROWS[3:]])}),
    "a sink lacks its last row": ("lost", {"received": received(ROWS[:-1])}),
    "a sink got an unknown row": ("invented", {"received": received([*ROWS, row(8)])}),
    "a sink got another verdict": (
        "altered",
        {"received": received(with_row(0, verdict="accept"))},
    ),
    "a sink got another part": ("altered", {"received": received(with_row(0, part_id="X"))}),
    "a sink got rows in another order": ("disordered", {"received": received(ROWS[::-1])}),
    "the PLC saw a verdict twice": (
        "doubled",
        {"plc_writes": [*PLC[:4], *writes(ROWS)[:4], *PLC[4:]]},
    ),
    "the PLC saw other coils": (
        "altered",
        {"plc_writes": [PlcWrite(15, 0, [0, 0, 1]), *PLC[1:]]},
    ),
    "the PLC saw an unknown verdict": (
        "invented",
        {"plc_writes": writes([*ROWS, row(9)])},
    ),
    "the PLC counted too few": ("lost", {"plc_writes": PLC[:-2]}),
    "the PLC was not shown a verdict": ("lost", {"plc_writes": [*PLC[:2], *PLC[4:]]}),
    "the PLC counted down": (
        "altered",
        {"plc_writes": [*PLC, PlcWrite(16, 0, [0, 1, *PLC[1].values[2:]]), PLC[-1]]},
    ),
    "an image is missing": (
        "lost",
        {"pictures": {each["picture"]: each["seq"] for each in ROWS[1:]}},
    ),
    "an image is damaged": (
        "altered",
        {"pictures": {**sound().pictures, ROWS[0]["picture"]: None}},
    ),
    "an image belongs to no verdict": (
        "invented",
        {"pictures": {**sound().pictures, "2026-01-01/x.jpg": 1}},
    ),
    "an image shows another part": (
        "wrong part",
        {"pictures": {**sound().pictures, ROWS[0]["picture"]: 4}},
    ),
    "another model judged": (
        "wrong model",
        {"journals": {"journal.db": with_row(1, model="b" * 64)}},
    ),
    "a secret is in the log": ("secret", {"texts": {"log": f"token={SECRET}".encode()}}),
    "memory grows": ("growing", {"lives": growing(10**6, 0)}),
    "descriptors grow": ("growing", {"lives": growing(0, 0.5)}),
    "the line ended": ("ended", {"lives": life(ended="exited with 1")}),
}


def test_a_sound_record_has_no_findings() -> None:
    assert audit(sound()) == []


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_record_is_rejected(name: str) -> None:
    kind, changes = TAMPERED[name]
    assert kind in {finding.kind for finding in audit(changed(**changes))}


def test_repeated_deliveries_are_no_finding() -> None:
    again = [*ROWS[:3], *ROWS[1:]]
    twice = [*PLC[:4], *PLC[2:4], *PLC[4:]]  # the current verdict once more
    assert audit(changed(received={"mqtt": again}, plc_writes=twice)) == []


def test_a_gap_excuses_no_more_parts_than_it_names() -> None:
    fewer = {
        "journals": {"journal.db": ROWS[:-2]},
        "exported": {},
        "received": {},
        "plc_writes": writes(ROWS[:-2]),
        "pictures": {each["picture"]: each["seq"] for each in ROWS[:-2]},
    }
    gap = Gap("journal", 4.5, 9.0, 2, "disk full")
    assert audit(changed(**fewer, gaps=[gap])) == []
    for other in (
        dataclasses.replace(gap, count=1),
        dataclasses.replace(gap, from_s=5.5),
        dataclasses.replace(gap, receiver="csv"),
    ):
        assert [each.kind for each in audit(changed(**fewer, gaps=[other]))][0] == "lost"


def test_a_new_journal_may_start_its_sequence_again_only_if_the_old_one_was_taken_away() -> None:
    second = [{**row(number), "seq": number - 3} for number in range(4, PARTS + 1)]
    journals = {"old.db": ROWS[:3], "journal.db": second}
    both = [*ROWS[:3], *second]
    split = {
        "journals": journals,
        "exported": {},
        "received": {},
        "plc_writes": writes(both),
    }
    assert audit(changed(**split, replaced_journals=1)) == []
    assert audit(changed(**split)) != []


def test_a_peak_of_memory_is_no_growth() -> None:
    points = [(float(at), 500.0 if at == 30 else 100.0) for at in range(60)]
    assert growth(points) == 0
    assert growth([(float(at), 2.0 * at) for at in range(61)]) == pytest.approx(120)


@pytest.mark.parametrize("number", [0, 1, 77, 2**24 - 1])
def test_the_number_of_a_part_survives_jpeg(number: int) -> None:
    image = image_of(number, frame=3)
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    assert number_in(cv2.imdecode(data, cv2.IMREAD_COLOR)) == number
    assert number_of(part_id(number)) == number


def test_an_image_without_a_whole_code_has_no_number() -> None:
    half = image_of(5)
    half[20:] = 128
    assert number_in(half) is None
    assert number_in(np.zeros((4, 4, 3), np.uint8)) is None
    assert number_in(None) is None
