"""The plan of faults can be repeated, and tries every kind."""

from __future__ import annotations

import itertools

from tests.soak.faults import FAULTS, LANES
from tests.soak.plan import make_plan


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    assert make_plan(180, 1, LANES) == make_plan(180, 1, LANES)
    assert make_plan(180, 1, LANES) != make_plan(180, 2, LANES)


def test_all_kinds_come_before_one_comes_again_and_faults_of_a_lane_do_not_overlap() -> None:
    plan = make_plan(600, 3, LANES)
    assert {fault.kind for fault in plan} == set(FAULTS)
    for lane, kinds in LANES.items():
        mine = [fault for fault in plan if fault.lane == lane]
        assert len({fault.kind for fault in mine[: len(kinds)]}) == len(kinds)
        for one, other in itertools.pairwise(mine):
            assert one.at_s + one.seconds < other.at_s


def test_every_lane_names_known_kinds_once() -> None:
    named = [kind for kinds in LANES.values() for kind in kinds]
    assert sorted(named) == sorted(FAULTS)
