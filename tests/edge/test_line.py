"""The inspection loop: every occasion is judged and recorded before the next is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from partsight.errors import SourceError
from partsight.line.inspector import Judge, Judged
from partsight.line.loop import watch
from partsight.records import Occasion

OCCASION = Occasion("frame", 0.0)


@pytest.fixture
def judge(classifier) -> Judge:
    return Judge(classifier)


def test_each_is_recorded_before_the_next_is_asked_for(judge, make_frame) -> None:
    recorded: list[Judged] = []
    recorded_at_asking = []

    def occasions() -> Iterator:
        for index in range(3):
            recorded_at_asking.append(len(recorded))
            yield OCCASION, make_frame(250, index)

    watch(occasions(), judge, recorded.append)

    assert recorded_at_asking == [0, 1, 2]
    assert [each.result.index for each in recorded] == [0, 1, 2]


def test_what_came_before_a_source_failed_is_recorded(judge, make_frame) -> None:
    recorded: list[Judged] = []

    def occasions() -> Iterator:
        yield OCCASION, make_frame(250)
        yield OCCASION, make_frame(10)
        raise SourceError("unplugged")

    with pytest.raises(SourceError, match="unplugged"):
        watch(occasions(), judge, recorded.append)

    assert [each.result.verdict for each in recorded] == ["accept", "reject"]


@pytest.mark.parametrize(("most", "judged", "left"), [(1, 1, 4), (3, 3, 2), (None, 5, 0)])
def test_it_takes_no_part_more_than_it_may(most, judged, left, judge, make_frame) -> None:
    recorded: list[Judged] = []
    occasions = iter([(OCCASION, make_frame(250, index)) for index in range(5)])

    watch(occasions, judge, recorded.append, max_parts=most)

    assert len(recorded) == judged
    assert len(list(occasions)) == left


def test_it_has_a_turn_after_each_part_and_where_nothing_happens(judge, make_frame) -> None:
    recorded: list[Judged] = []
    turns = []

    def turn() -> bool:
        turns.append(len(recorded))
        return len(turns) < 5

    part = (OCCASION, make_frame(250))
    watch([None, part, None, None, part, part, part], judge, recorded.append, turn)

    assert turns == [0, 1, 1, 1, 2]
