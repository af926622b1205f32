"""The inspection loop: every event is inspected and recorded before the next is requested."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from partsight.errors import SourceError
from partsight.line.inspector import Inspection, Inspector
from partsight.line.loop import watch
from partsight.records import TriggerEvent

OCCASION = TriggerEvent("frame", 0.0)


@pytest.fixture
def inspector(classifier) -> Inspector:
    return Inspector(classifier)


def test_each_is_recorded_before_the_next_is_asked_for(inspector, make_frame) -> None:
    recorded: list[Inspection] = []
    recorded_at_asking = []

    def trigger_events() -> Iterator:
        for index in range(3):
            recorded_at_asking.append(len(recorded))
            yield OCCASION, make_frame(250, index)

    watch(trigger_events(), inspector, recorded.append)

    assert recorded_at_asking == [0, 1, 2]
    assert [each.result.index for each in recorded] == [0, 1, 2]


def test_parts_before_a_source_failure_are_recorded(inspector, make_frame) -> None:
    recorded: list[Inspection] = []

    def trigger_events() -> Iterator:
        yield OCCASION, make_frame(250)
        yield OCCASION, make_frame(10)
        raise SourceError("unplugged")

    with pytest.raises(SourceError, match="unplugged"):
        watch(trigger_events(), inspector, recorded.append)

    assert [each.result.verdict for each in recorded] == ["accept", "reject"]


@pytest.mark.parametrize(("most", "inspection", "left"), [(1, 1, 4), (3, 3, 2), (None, 5, 0)])
def test_the_loop_stops_after_max_parts(most, inspection, left, inspector, make_frame) -> None:
    recorded: list[Inspection] = []
    trigger_events = iter([(OCCASION, make_frame(250, index)) for index in range(5)])

    watch(trigger_events, inspector, recorded.append, max_parts=most)

    assert len(recorded) == inspection
    assert len(list(trigger_events)) == left


def test_housekeeping_runs_after_each_part_and_when_idle(inspector, make_frame) -> None:
    recorded: list[Inspection] = []
    turns = []

    def turn() -> bool:
        turns.append(len(recorded))
        return len(turns) < 5

    part = (OCCASION, make_frame(250))
    watch([None, part, None, None, part, part, part], inspector, recorded.append, turn)

    assert turns == [0, 1, 1, 1, 2]
