"""How long is waited before a lost source is opened again."""

from __future__ import annotations

from partsight.sources.restarts import BackoffSettings, Restarts

SETTINGS = BackoffSettings(first_s=1.0, most_s=8.0, budget=5, window_s=100.0)


def waits(restarts: Restarts, moments: list[float]) -> list[float]:
    return [restarts.next_wait_s(moment) for moment in moments]


def test_it_doubles_up_to_the_longest() -> None:
    restarts = Restarts(lambda: 0.0, SETTINGS)
    assert waits(restarts, [0, 1, 3, 7, 15]) == [1, 2, 4, 8, 8]
    assert not restarts.exhausted


def test_a_frame_begins_anew() -> None:
    restarts = Restarts(lambda: 0.0, SETTINGS)
    waits(restarts, [0, 1])
    restarts.succeeded()
    assert waits(restarts, [50]) == [1]


def test_chance_takes_up_to_half() -> None:
    assert waits(Restarts(lambda: 0.5, SETTINGS), [0, 1]) == [0.75, 1.5]


def test_what_opens_and_dies_at_once_uses_up_the_budget() -> None:
    restarts = Restarts(lambda: 0.0, SETTINGS)
    for moment in range(5):
        restarts.succeeded()
        assert waits(restarts, [moment]) == [1]
    restarts.succeeded()
    assert waits(restarts, [6]) == [8]
    assert restarts.exhausted


def test_the_window_moves_on_and_nothing_is_given_up() -> None:
    restarts = Restarts(lambda: 0.0, SETTINGS)
    waits(restarts, [0, 1, 2, 3, 4, 5])
    assert restarts.exhausted
    restarts.succeeded()
    assert waits(restarts, [1000]) == [1]
    assert not restarts.exhausted


def test_years_of_failure_are_no_overflow() -> None:
    restarts = Restarts(lambda: 0.0, SETTINGS)
    assert set(waits(restarts, [1000.0 * n for n in range(3000)])[3:]) == {8}
