"""Known time: what passed for certain, whatever the wall clock shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from tests.wrong_clock import DAY_S, HOUR_S, START_S, STEPS, YEARS_S, Machine

from partsight.utils.clocks import is_synchronized
from partsight.utils.elapsed import confirm_clock


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "clock")


def test_known_time_is_wall_time_while_the_clock_is_right(machine: Machine) -> None:
    elapsed = machine.start()
    machine.true_s += 40 * DAY_S
    assert elapsed.known_s() == pytest.approx(machine.true_s)
    machine.off(8 * HOUR_S)
    assert machine.start().known_s() == pytest.approx(machine.true_s)
    assert machine.start().suspended is None


@pytest.mark.parametrize("error_s", [YEARS_S, -YEARS_S, -START_S, 1.1 * DAY_S])
@pytest.mark.parametrize("off", [False, True])
def test_a_clock_jump_suspends_and_adds_nothing(
    machine: Machine, error_s: float, off: bool
) -> None:
    changes: list[str | None] = []
    elapsed = machine.start(on_change=changes.append)
    machine.true_s += 60
    if off:
        elapsed.update()
        machine.off(60)
        machine.error_s = error_s
        elapsed = machine.start(on_change=changes.append)
    else:
        machine.error_s = error_s
    assert elapsed.known_s() <= machine.true_s
    assert elapsed.suspended is not None
    assert "confirm-clock" in elapsed.suspended
    for _ in range(3):
        elapsed.update()
    assert len(changes) == 1

    machine.error_s = 0  # somebody notices
    elapsed.update()
    assert elapsed.suspended is None
    assert elapsed.known_s() <= machine.true_s


def test_a_device_without_a_clock_of_its_own_waits_for_ntp(machine: Machine) -> None:
    machine.ntp = True
    machine.start()
    machine.ntp = False
    machine.off(30 * DAY_S)
    machine.error_s = -machine.true_s  # 1970
    elapsed = machine.start()
    assert elapsed.suspended is not None
    assert elapsed.known_s() < START_S + DAY_S

    machine.true_s += 20
    machine.error_s, machine.ntp = 0.0, True

    assert elapsed.known_s() == pytest.approx(machine.true_s)
    assert elapsed.suspended is None


def test_a_person_confirms_a_long_power_off(machine: Machine) -> None:
    machine.start()
    machine.off(21 * DAY_S)
    elapsed = machine.start()
    assert elapsed.suspended is not None

    confirm_clock(machine.path, machine.clocks())

    assert elapsed.known_s() == pytest.approx(machine.true_s)
    assert elapsed.suspended is None
    machine.off(HOUR_S)
    assert machine.start().suspended is None


def test_a_confirmation_counts_only_for_the_clock_that_was_seen(machine: Machine) -> None:
    elapsed = machine.start()
    confirm_clock(machine.path, machine.clocks())
    machine.error_s = YEARS_S
    elapsed.update()
    assert elapsed.suspended is not None
    elapsed.update()
    assert elapsed.suspended is not None


def test_a_clock_corrected_while_the_machine_runs_adds_nothing(machine: Machine) -> None:
    machine.error_s = -YEARS_S
    elapsed = machine.start()
    known = elapsed.known_s()
    machine.error_s = 0
    elapsed.update()
    machine.off(60)
    elapsed = machine.start()
    machine.ntp = True
    assert elapsed.known_s() < known + DAY_S
    assert elapsed.suspended is None


def test_without_a_record_the_newest_data_count(machine: Machine) -> None:
    elapsed = machine.start(newest_s=START_S - YEARS_S)
    assert elapsed.suspended is not None
    machine.ntp = True
    assert elapsed.known_s() == pytest.approx(START_S)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"known_s": 1}', b"\x00", b"null"], ids=range(6)
)
def test_a_damaged_record_starts_anew(machine: Machine, content: bytes) -> None:
    machine.path.write_bytes(content)
    assert machine.start().known_s() == START_S
    assert json.loads(machine.path.read_bytes())["known_s"] == START_S


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "1", None])
def test_a_record_with_odd_values_starts_anew(machine: Machine, value: object) -> None:
    machine.start()
    record = json.loads(machine.path.read_bytes()) | {"known_s": value}
    machine.path.write_text(json.dumps(record))
    assert machine.start().known_s() == START_S


@settings(max_examples=80, deadline=None)
@given(steps=STEPS)
def test_whatever_the_clock_does_known_time_never_exceeds_true_time(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, float, float, bool]]
) -> None:
    """Errors above a day, which are detectable: less is believed."""
    machine = Machine(tmp_path_factory.mktemp("clock") / "record")
    elapsed = machine.start()
    last = elapsed.known_s()
    for kind, seconds, error_s, ntp in steps:
        machine.error_s, machine.ntp = error_s, ntp and not error_s
        if kind == "on":
            machine.true_s += seconds
        else:
            machine.off(seconds)
            elapsed = machine.start()
        known = elapsed.known_s()
        # Up to ten minutes are not recorded yet when the power fails.
        assert last - 600 <= known <= machine.true_s + 1e-3
        last = known


def test_a_clock_of_this_process_alone_is_not_synchronized() -> None:
    assert not is_synchronized(0.0)
