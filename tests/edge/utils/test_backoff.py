"""Waiting times of ``Backoff``, with and without a budget."""

from __future__ import annotations

from partsight.utils.backoff import Backoff, RetryBudget


def backoff(failures: int | None = 5, chance: float = 1.0) -> Backoff:
    budget = None if failures is None else RetryBudget(failures, 100.0)
    return Backoff(1.0, 8.0, lambda: chance, budget)


def waits(backoff: Backoff, moments: list[float]) -> list[float]:
    return [backoff.next_s(moment) for moment in moments]


def test_the_wait_doubles_up_to_the_longest() -> None:
    tried = backoff()
    assert waits(tried, [0, 1, 3, 7, 15]) == [1, 2, 4, 8, 8]
    assert not tried.exhausted


def test_a_success_starts_again() -> None:
    tried = backoff()
    waits(tried, [0, 1])
    tried.reset()
    assert waits(tried, [50]) == [1]


def test_half_of_the_wait_is_random() -> None:
    assert waits(backoff(chance=0.5), [0, 1]) == [0.75, 1.5]


def test_more_failures_than_the_budget_wait_the_longest_despite_successes() -> None:
    tried = backoff()
    for moment in range(1, 6):
        tried.reset()
        assert waits(tried, [moment]) == [1]
    tried.reset()
    assert waits(tried, [6]) == [8]
    assert tried.exhausted


def test_the_budget_is_available_again_after_its_window() -> None:
    tried = backoff()
    waits(tried, [0, 1, 2, 3, 4, 5])
    assert tried.exhausted
    tried.reset()
    assert waits(tried, [1000]) == [1]
    assert not tried.exhausted


def test_without_a_budget_only_the_failures_in_a_row_count() -> None:
    tried = backoff(failures=None)
    for moment in range(50):
        tried.reset()
        assert waits(tried, [moment]) == [1]
    assert not tried.exhausted


def test_failures_for_years_wait_the_longest() -> None:
    assert set(waits(backoff(), [1000.0 * n for n in range(3000)])[3:]) == {8}
