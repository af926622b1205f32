"""Verdicts, thresholds, and the choice of the operating point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from partsight.decision.choose import choose_operating_point
from partsight.decision.decide import accept_score, accept_scores, decide, verdicts
from partsight.decision.operating_point import (
    OperatingPoint,
    default_accept_labels,
    with_thresholds,
)
from partsight.errors import ConfigError
from partsight.records import Prediction, Verdict

POINT = OperatingPoint(("ok",), accept_above=0.8, reject_below=0.4)


@pytest.mark.parametrize(
    ("ok", "point", "verdict"),
    [
        (1.0, POINT, Verdict.ACCEPT),
        (np.nextafter(0.8, 1), POINT, Verdict.ACCEPT),
        (0.8, POINT, Verdict.REVIEW),
        (0.4, POINT, Verdict.REVIEW),
        (np.nextafter(0.4, 0), POINT, Verdict.REJECT),
        (0.0, POINT, Verdict.REJECT),
        (0.5, OperatingPoint(("ok",)), Verdict.REVIEW),
        (0.51, OperatingPoint(("ok",)), Verdict.ACCEPT),
        (0.49, OperatingPoint(("ok",)), Verdict.REJECT),
        (1.0, OperatingPoint(()), Verdict.REVIEW),
        (0.0, OperatingPoint(()), Verdict.REVIEW),
        (1.0, OperatingPoint(("ok",), accept_above=1.0), Verdict.REVIEW),
    ],
)
def test_the_verdict_of_a_score(ok: float, point: OperatingPoint, verdict: Verdict) -> None:
    assert decide(Prediction({"bad": 1 - ok, "ok": ok}), point) is verdict


def test_several_good_labels_count_together() -> None:
    prediction = Prediction({"bad": 0.4, "shiny": 0.3, "dull": 0.3})

    assert prediction.label == "bad"
    assert decide(prediction, OperatingPoint(("shiny", "dull"))) is Verdict.ACCEPT


def test_quantized_scores_that_add_up_to_more_than_one_count_as_one() -> None:
    scores = {"bad": 0.0, "shiny": 129 / 256, "dull": 129 / 256}

    assert accept_score(scores, OperatingPoint(("shiny", "dull"))) == 1.0


@given(
    hnp.arrays(np.float64, (7, 3), elements=st.integers(0, 16).map(lambda n: n / 16)),
    st.sets(st.sampled_from(["bad", "dull", "shiny"])),
    st.integers(8, 16),
)
def test_verdicts_of_arrays_equal_single_verdicts(
    scores: np.ndarray, accepted: set[str], above: int
) -> None:
    labels = ("bad", "dull", "shiny")
    point = OperatingPoint(tuple(sorted(accepted)), above / 16, 0.25)
    predictions = [Prediction(dict(zip(labels, map(float, row), strict=True))) for row in scores]

    deciding = accept_scores(labels, scores, point.accept_labels)

    assert deciding.tolist() == [accept_score(p.scores, point) for p in predictions]
    assert verdicts(deciding, point).tolist() == [decide(p, point) for p in predictions]


@pytest.mark.parametrize(
    ("thresholds", "exception"),
    [
        ((0.4, 0.5), ValueError),
        ((1.1, 0.5), ValueError),
        ((0.5, -0.1), ValueError),
        ((float("nan"), 0.5), ValueError),
        ((0.5, float("nan")), ValueError),
    ],
)
def test_impossible_thresholds_are_refused(
    thresholds: tuple[float, float], exception: type[Exception]
) -> None:
    with pytest.raises(exception, match="thresholds must be"):
        OperatingPoint(("ok",), *thresholds)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("defected", "healthy"), ("healthy",)),
        (("OK", "NOK"), ("OK",)),
        (("Good", "pass", "scratch"), ("Good", "pass")),
        (("a", "b"), ()),
        (("not ok", "unhealthy"), ()),
    ],
)
def test_names_of_good_parts(labels: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert default_accept_labels(labels) == expected


def choose(bad: list[float], good: list[float], target_recall: float) -> OperatingPoint:
    scores = np.array(bad + good, float)
    is_good = np.array([False] * len(bad) + [True] * len(good), bool)
    return choose_operating_point(scores, is_good, ("ok",), target_recall)


@pytest.mark.parametrize(
    ("bad", "good", "target_recall", "accept_above", "recall", "false_reject_rate"),
    [
        pytest.param([0.1, 0.2], [0.8, 0.9], 1.0, 0.5, 1.0, 0.0, id="apart, both sides of 0.5"),
        pytest.param([0.1, 0.6], [0.8, 0.9], 1.0, 0.7, 1.0, 0.0, id="half-way to the next good"),
        pytest.param([0.1, 0.85], [0.8, 0.95], 1.0, 0.9, 1.0, 0.5, id="one good part given up"),
        pytest.param([0.1, 0.85], [0.8, 0.9], 0.5, 0.5, 0.5, 0.0, id="one bad part let go"),
        pytest.param([0.1, 0.2], [0.3, 0.4], 1.0, 0.5, 1.0, 1.0, id="never under 0.5"),
        pytest.param([0.5], [0.5], 1.0, 0.75, 1.0, 1.0, id="tie at 0.5 is not accepted"),
        pytest.param([0.9], [0.9], 1.0, 0.95, 1.0, 1.0, id="tie above it is not either"),
        pytest.param([1.0], [1.0], 1.0, 1.0, 1.0, 1.0, id="saturated"),
        pytest.param([], [0.6, 0.9], 1.0, 0.5, None, 0.0, id="no bad part"),
        pytest.param([0.2, 0.6], [], 1.0, 0.8, 1.0, None, id="no good part"),
        pytest.param([0.7] * 100, [0.9], 0.99, 0.8, 1.0, 0.0, id="ties count all or none"),
    ],
)
def test_the_chosen_threshold(
    bad: list[float],
    good: list[float],
    target_recall: float,
    accept_above: float,
    recall: float | None,
    false_reject_rate: float | None,
) -> None:
    point = choose(bad, good, target_recall)

    assert point.accept_above == pytest.approx(accept_above, abs=1e-12)
    assert point.recall == recall
    assert point.false_reject_rate == false_reject_rate
    assert (point.reject_below, point.target_recall) == (0.5, target_recall)


def test_a_tenth_of_ten_is_one() -> None:
    """1 - 0.9 is a little under 0.1 in binary; one bad part of ten may still go."""
    point = choose([0.1] * 9 + [0.9], [0.95], 0.9)

    assert point.accept_above == 0.525
    assert point.recall == 0.9


def test_sums_above_one_give_a_threshold_too() -> None:
    point = choose([0.2, 258 / 256], [0.9], 1.0)

    assert point.accept_above == 1.0
    assert point.recall == 1.0


LEVELS = st.integers(0, 256).map(lambda level: level / 256)
SCORES = hnp.arrays(float, st.integers(0, 60), elements=LEVELS)


@given(SCORES, SCORES, st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_no_more_bad_parts_are_accepted_than_the_target_allows(
    bad: np.ndarray, good: np.ndarray, target_recall: float
) -> None:
    point = choose(bad.tolist(), good.tolist(), target_recall)

    accepted = [
        decide(Prediction({"bad": 1 - s, "ok": s}), point) is Verdict.ACCEPT for s in bad.tolist()
    ]
    assert sum(accepted) <= len(bad) * (1 - target_recall) + 1e-6
    assert 0.5 <= point.accept_above <= 1
    if len(bad):
        assert point.recall == pytest.approx(1 - np.mean(accepted))
        assert point.recall >= target_recall - 1e-6


@given(SCORES, SCORES, st.sampled_from([0.5, 0.9, 1.0]))
def test_the_threshold_is_the_lowest_possible(
    bad: np.ndarray, good: np.ndarray, target_recall: float
) -> None:
    """With a lower threshold, too many bad parts would be accepted."""
    point = choose(bad.tolist(), good.tolist(), target_recall)

    missed = good[(good > 0.5) & (good <= point.accept_above)]
    if len(missed):
        lower = missed.max() - 1 / 512
        passed = (bad > lower).sum()
        assert passed > len(bad) * (1 - target_recall) + 1e-6


@pytest.mark.parametrize(
    ("high", "low", "expected"),
    [
        (None, None, OperatingPoint(("ok",), 0.75, 0.5, target_recall=0.9)),
        (0.9, None, OperatingPoint(("ok",), 0.9, 0.5)),
        (None, 0.1, OperatingPoint(("ok",), 0.75, 0.1)),
        (0.9, 0.2, OperatingPoint(("ok",), 0.9, 0.2)),
        (0.4, None, None),
        (None, 0.8, None),
    ],
)
def test_thresholds_that_are_set_by_hand(
    high: float | None, low: float | None, expected: OperatingPoint | None
) -> None:
    point = OperatingPoint(("ok",), 0.75, 0.5, target_recall=0.9)
    if expected is None:
        with pytest.raises(
            ConfigError, match="thresholds do not fit together.* \\(the model's\\).*Give both"
        ):
            with_thresholds(point, high, low)
    else:
        assert with_thresholds(point, high, low) == expected


def test_the_error_for_two_given_thresholds_does_not_ask_for_both() -> None:
    with pytest.raises(ConfigError, match="Lower one or raise the other"):
        with_thresholds(OperatingPoint(("ok",), 0.75, 0.5), 0.3, 0.6)
