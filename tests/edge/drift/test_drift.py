"""The drift watch on streams of parts: quiet in control, with alarms out of control.

The streams come from seeded generators. Observed run lengths are noted next to the expected ones.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from partsight.api import Classifier
from partsight.config.drift import DriftConfig
from partsight.decision.operating_point import OperatingPoint
from partsight.drift import DriftObserver, DriftWatch
from partsight.drift.charts import RUN, Chart, acceptance_chart, broken_rule, p_chart
from partsight.drift.expected import Learner
from partsight.image.preprocess import preprocess
from partsight.image.statistics import ImageStatistics
from partsight.model.contract import Contract
from partsight.model.file import ModelFile
from partsight.model.reference import Reference, Spread, spread_of
from partsight.records import Frame, PartResult, Verdict
from partsight.telemetry.telemetry import Telemetry

REFERENCE = Reference(200, 0.01, Spread(0.97, 0.03), Spread(110.0, 6.0), Spread(40.0, 3.0))
NAMES = ("accept-score", "contrast", "luma", "reject-rate")
SETTINGS = DriftConfig()

Part = tuple[Verdict, float, ImageStatistics]


def parts(
    seed: int,
    *,
    reject: float = 0.02,
    score: float = 0.97,
    luma: float = 110.0,
    contrast: float = 40.0,
) -> Iterator[Part]:
    """A line without end; scores have the skew of real ones, with 1 as their most."""
    rng = np.random.default_rng(seed)
    while True:
        rejected = rng.random() < reject
        deciding = 0.1 if rejected else 1 - rng.gamma(1.0, 1 - score)
        picture = ImageStatistics(rng.normal(luma, 6.0), rng.normal(contrast, 3.0))
        yield Verdict.REJECT if rejected else Verdict.ACCEPT, deciding, picture


def raised(telemetry: Telemetry) -> set[str]:
    """Alarms, which metrics and states tell of alike."""
    by_metric = {label for (of, label), on in telemetry.values().items() if of == "alarms" and on}
    by_state = {
        part.removeprefix("alarm ")
        for part, state in telemetry.states().items()
        if part.startswith("alarm ") and state.name == "raised"
    }
    assert by_metric == by_state
    return by_metric


def watched(
    reference: Reference | None = REFERENCE, settings: DriftConfig = SETTINGS
) -> tuple[DriftWatch, Telemetry]:
    telemetry = Telemetry()
    return DriftWatch(reference, settings, telemetry), telemetry


def see(watch: DriftWatch, stream: Iterator[Part], count: int) -> None:
    for part in itertools.islice(stream, count):
        watch.see(*part)


def run_length(stream: Iterator[Part], name: str, most: int) -> int:
    """Parts until an alarm is raised."""
    watch, telemetry = watched()
    for number, part in enumerate(itertools.islice(stream, most), 1):
        watch.see(*part)
        if name in raised(telemetry):
            return number
    return most


def test_a_line_in_order_rarely_alarms() -> None:
    """Seen in 2,000,000 parts of another seed: 25 alarms, one in 1,600 subgroups or 80,000 parts,
    all of the reject rate. (Shewhart's limits on a normal process: one in 370 subgroups.)
    """
    watch, telemetry = watched()
    alarms: list[str] = []
    telemetry.on_change(lambda part, state: alarms.append(part) if state.name == "raised" else None)
    see(watch, parts(0), 200_000)
    assert len(alarms) <= 8, alarms
    assert set(alarms) <= {"alarm reject-rate"}


@pytest.mark.parametrize(
    ("name", "shift", "within"),
    [
        ("reject-rate", {"reject": 0.15}, 200),
        ("reject-rate", {"reject": 0.08}, 800),
        ("accept-score", {"score": 0.90}, 150),
        ("luma", {"luma": 100.0}, 150),
        ("luma", {"luma": 120.0}, 150),
        ("contrast", {"contrast": 30.0}, 50),
    ],
)
def test_a_shift_is_found(name: str, shift: dict[str, float], within: int) -> None:
    """Seen on 40 seeds, mean parts until the alarm: rejects 15 % 64, 8 % 229, 5 % 1,083; score
    0.90 51, 0.94 91; luma 10 levels off 50, 6 levels 79; contrast 10 levels off 50.
    """
    lengths = [run_length(parts(seed, **shift), name, 4 * within) for seed in range(10)]
    assert np.mean(lengths) <= within, lengths
    assert max(lengths) < 4 * within, lengths


def test_a_tolerated_shift_is_no_alarm() -> None:
    """Half a standard deviation between training and line is nothing."""
    watch, telemetry = watched()
    see(watch, parts(1, luma=113.0, contrast=38.5), 20_000)
    assert raised(telemetry) == set()


def test_an_alarm_says_why_and_clears_when_the_line_is_back() -> None:
    watch, telemetry = watched()
    see(watch, parts(2), 500)
    assert raised(telemetry) == set()
    see(watch, parts(3, luma=60.0), 50)
    assert raised(telemetry) == {"luma"}
    assert "at least" in telemetry.states()["alarm luma"].detail
    assert telemetry.values()["drift", "luma"] == pytest.approx(60, abs=3)
    see(watch, parts(4), 100)
    assert raised(telemetry) == {"luma"}
    see(watch, parts(5), 50)
    assert raised(telemetry) == set()
    assert telemetry.states()["alarm luma"].name == "clear"


def test_rejects_do_not_hide_in_the_score() -> None:
    """Ten times as many rejects are an alarm of their rate, and not of the score."""
    watch, telemetry = watched()
    see(watch, parts(6, reject=0.2), 2000)
    assert raised(telemetry) == {"reject-rate"}


def test_a_line_that_rejects_nothing_any_more_is_found() -> None:
    """A model gone blind is worse than one that rejects too much."""
    watch, telemetry = watched(settings=DriftConfig(expected_reject_rate=0.2))
    see(watch, parts(7, reject=0.2), 1000)
    assert raised(telemetry) == set()
    see(watch, parts(8, reject=0.0), 50)
    assert raised(telemetry) == {"reject-rate"}


def drift_state(telemetry: Telemetry) -> tuple[str, str]:
    state = telemetry.states()["drift"]
    return state.name, state.detail


def test_with_a_reference_drift_is_watched_from_the_start() -> None:
    watch, telemetry = watched()
    assert drift_state(telemetry) == ("watching", "against the model's reference of 200 good parts")
    assert watch.note == ""


def test_without_a_reference_it_is_learned_from_the_first_parts() -> None:
    watch, telemetry = watched(None)
    assert "has no drift reference" in watch.note
    assert "first 500 parts, again after each start" in watch.note
    assert drift_state(telemetry) == ("learning", "learning 0 of 500 parts")
    stream = parts(9, luma=80.0)
    see(watch, stream, 69)
    assert drift_state(telemetry) == ("learning", "learning 69 of 500 parts")
    see(watch, stream, 431)
    assert not any(of == "drift" for of, _ in telemetry.values())
    assert drift_state(telemetry) == ("watching", "against 500 parts learned since the start")
    see(watch, parts(10, luma=80.0), 500)
    assert raised(telemetry) == set()
    see(watch, parts(11, luma=110.0), 50)
    assert raised(telemetry) == {"luma"}


def test_learning_is_one_event_and_not_one_for_each_part() -> None:
    watch, telemetry = watched(None)
    reported: list[str] = []
    telemetry.on_change(lambda part, state: reported.append(f"{part} {state.name}"))
    see(watch, parts(9), 500)
    assert reported == ["drift watching"]


ALL = {"reject": 1.0}
GOOD = {"luma": 80.0}
NOT_IN_ORDER = {
    "only rejects": [(2000, ALL)],
    "mostly rejects": [(2000, {"reject": 0.6})],
    "more rejects than are plausible": [(2000, {"reject": 0.3})],
    "rejects at the start": [(60, ALL), (400, GOOD)],
    "rejects amid learning": [(250, GOOD), (50, ALL), (400, GOOD)],
    "rejects at the end of learning": [(450, GOOD), (50, ALL)],
}


@pytest.mark.parametrize("stretches", NOT_IN_ORDER.values(), ids=NOT_IN_ORDER)
def test_nothing_is_learned_from_a_line_out_of_control(
    stretches: list[tuple[int, dict[str, float]]],
) -> None:
    watch, telemetry = watched(None)
    reported: list[str] = []
    telemetry.on_change(
        lambda part, state: reported.append(f"{part}: {state.name}: {state.detail}")
    )
    for seed, (count, kind) in enumerate(stretches):
        see(watch, parts(seed, **kind), count)
    assert drift_state(telemetry)[0] != "watching"
    assert any(
        "without reference" in each and "parts were rejected" in each for each in reported
    ), reported
    assert len(reported) < 10, "a line that stays out of control is reported once"
    see(watch, parts(20, luma=80.0), 600)
    assert drift_state(telemetry)[0] == "watching"
    see(watch, parts(21, luma=80.0), 500)
    assert raised(telemetry) == set(), "learned from the parts in order alone"


def test_a_model_whose_good_labels_are_unknown_is_not_learned_from() -> None:
    watch, telemetry = watched(None)
    see(watch, iter([(Verdict.REVIEW, 0.0, ImageStatistics(90.0, 30.0))] * 600), 600)
    name, detail = drift_state(telemetry)
    assert name == "without reference"
    assert "0 of 50 parts were accepted" in detail


@pytest.mark.parametrize(
    ("settings", "reject", "state"),
    [
        (DriftConfig(learn_max_reject_rate=0.5), 0.3, "watching"),
        (DriftConfig(expected_reject_rate=0.3), 0.3, "watching"),
        (DriftConfig(learn_max_reject_rate=0.01), 0.1, "without reference"),
        (DriftConfig(subgroup=1000), 1.0, "without reference"),
        (DriftConfig(learn_parts=50, subgroup=5), 0.0, "watching"),
    ],
)
def test_how_many_rejects_a_line_in_order_may_have(
    settings: DriftConfig, reject: float, state: str
) -> None:
    watch, telemetry = watched(None, settings)
    see(watch, parts(22, reject=reject), 500)
    assert drift_state(telemetry)[0] == state


def test_a_swap_reports_whether_there_is_a_reference() -> None:
    watch, telemetry = watched()
    watch.restart(None)
    assert drift_state(telemetry)[0] == "learning"
    assert "has no drift reference" in watch.note
    see(watch, parts(23), 100)
    watch.restart(None)
    assert drift_state(telemetry) == ("learning", "learning 0 of 500 parts")
    watch.restart(REFERENCE)
    assert drift_state(telemetry)[0] == "watching"


def test_mean_and_spread_are_learned() -> None:
    learner, seen = Learner(), list(itertools.islice(parts(15), 300))
    for _, _, picture in seen:
        learner.add({"luma": picture.luma, "reject-rate": 0.0})
    of_all = spread_of([picture.luma for _, _, picture in seen])
    chart, expected = learner.charts(SETTINGS)["luma"], acceptance_chart(of_all, 50, 0.5)
    assert (chart.low, chart.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    "first",
    [
        (Verdict.REJECT, 0.1, None),
        (Verdict.ACCEPT, 1.0, None),
        (Verdict.ACCEPT, 1.0, ImageStatistics(90.0, 30.0)),
        (Verdict.REVIEW, 0.0, ImageStatistics(90.0, 30.0)),
    ],
)
def test_a_dull_beginning_can_be_learned_from(first: Any) -> None:
    """Of what never came there is no chart; what never moved may move by what is too little. Of
    rejects and reviews alone nothing is learned.
    """
    watch, telemetry = watched(None)
    see(watch, iter([first] * 1000), 1000)
    assert raised(telemetry) == set()
    see(watch, parts(12), 100)


def test_another_model_starts_again() -> None:
    watch, telemetry = watched()
    see(watch, parts(13, luma=60.0, reject=0.5), 50)
    assert raised(telemetry) == {"luma", "reject-rate"}
    watch.restart(Reference(9, 0.5, REFERENCE.accept_score, Spread(60.0, 6.0), REFERENCE.contrast))
    assert raised(telemetry) == set()
    see(watch, parts(14, luma=60.0, reject=0.5), 1000)
    assert raised(telemetry) == set()


@dataclass
class StubInspector:
    classifier: Classifier
    point: OperatingPoint


@dataclass
class Inspected:
    result: PartResult
    picture: np.ndarray | None


def inspected(classifier: Classifier, red: int, make_frame: Callable[..., Frame]) -> Inspected:
    """What the line makes of a frame: a score that is its red."""
    frame = make_frame(red)
    (prediction,) = classifier.classify([frame.image_bgr])
    sha256, verdict = classifier.model_sha256, classifier.decide(prediction)
    result = PartResult("id", frame.captured_at, "script", 0, sha256, verdict, 1.0, "", prediction)
    return Inspected(result, preprocess(frame.image_bgr, classifier.contract.preprocess))


def test_drift_is_watched_by_the_line(
    classifier: Classifier,
    contract: Contract,
    make_frame: Callable[..., Frame],
    caplog: pytest.LogCaptureFixture,
) -> None:
    reference = Reference(99, 0.0, Spread(0.95, 0.02), Spread(87.5, 1.0), Spread(14.5, 1.0))
    known = Classifier(
        ModelFile(b"", "a" * 64, dataclasses.replace(contract, reference=reference)),
        classifier.interpreter,
    )
    telemetry = Telemetry()
    inspect = StubInspector(known, contract.operating_point)
    observe = DriftObserver(inspect, DriftConfig(subgroup=5), telemetry)
    for _ in range(5):
        observe(inspected(known, 243, make_frame))
    assert raised(telemetry) == set()
    faulty = inspected(known, 243, make_frame)
    faulty.result = dataclasses.replace(faulty.result, prediction=None, error="dark")
    for _ in range(100):
        observe(faulty)
    for _ in range(5):
        observe(inspected(known, 20, make_frame))
    assert raised(telemetry) == {"reject-rate", "luma"}

    inspect.classifier = classifier  # another model, without a reference: learned anew
    assert (observe.note, caplog.text.count("no drift reference")) == ("", 0)
    observe.follow_model()
    assert drift_state(telemetry)[0] == "learning"
    assert caplog.text.count("no drift reference") == 1
    assert raised(telemetry) == set()
    for _ in range(SETTINGS.learn_parts):
        observe(inspected(classifier, 243, make_frame))
    assert raised(telemetry) == set()
    assert drift_state(telemetry)[0] == "watching"


def test_overridden_thresholds_are_those_that_count(
    classifier: Classifier, contract: Contract, make_frame: Callable[..., Frame]
) -> None:
    telemetry = Telemetry()
    inspect = StubInspector(classifier, OperatingPoint(("healthy",), 0.0, 0.0))
    observe = DriftObserver(inspect, DriftConfig(subgroup=5, learn_parts=50), telemetry)
    for _ in range(100):
        observe(inspected(classifier, 20, make_frame))
    assert telemetry.values()["drift", "reject-rate"] == 0
    inspect.point = OperatingPoint(("healthy",), 0.5, 0.5)
    for _ in range(5):
        observe(inspected(classifier, 20, make_frame))
    assert telemetry.values()["drift", "reject-rate"] == 1


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.01, 0.05, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("count", [5, 50, 500, 10_000])
def test_limits_of_a_share(rate: float, count: int) -> None:
    """As wide as the textbook's at least, and broken by chance less than 0.135 % a side."""
    chart = p_chart(rate, count)
    half = 3 * math.sqrt(rate * (1 - rate) / count)
    assert 0 <= chart.low <= max(0, rate - half)
    assert min(1, rate + half) <= chart.high <= 1
    drawn = np.random.default_rng(0).binomial(count, rate, 100_000) / count
    # 0.00135, and three deviations of what is drawn
    assert (drawn > chart.high).mean() <= 0.0017
    assert (drawn < chart.low).mean() <= 0.0017
    assert chart.centre is not None
    assert (drawn > chart.centre).mean() <= 0.505
    assert (drawn < chart.centre).mean() <= 0.505


@pytest.mark.parametrize(("count", "shift", "half"), [(9, 0.0, 2.0), (36, 0.5, 2.0), (4, 1, 5.0)])
def test_limits_of_a_mean(count: int, shift: float, half: float) -> None:
    assert acceptance_chart(Spread(10.0, 2.0), count, shift) == Chart(10 - half, 10 + half, None)


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ([0.5], None),
        ([0.2], None),
        ([0.8], None),
        ([0.81], "0.81, at most 0.8 expected"),
        ([0.19], "0.19, at least 0.2 expected"),
        ([0.9, 0.5], None),
        ([0.6] * (RUN - 1), None),
        ([0.6] * RUN, "0.6, and the last 9 means are all above 0.5"),
        ([0.4] * RUN, "0.4, and the last 9 means are all below 0.5"),
        ([0.6] * (RUN - 1) + [0.5], None),
        ([0.5] + [0.6] * (RUN - 1), None),
        ([0.4] + [0.6] * (RUN - 1), None),
    ],
)
def test_the_rules(values: list[float], broken: str | None) -> None:
    assert broken_rule(Chart(0.2, 0.8, 0.5), values) == broken
    if len(values) >= RUN:
        assert broken_rule(Chart(0.2, 0.8, None), values) is None
