"""One verdict per part, on synthetic belts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest

from partsight.config.trigger import PresenceTriggerConfig
from partsight.errors import SourceError
from partsight.records import Fault, Frame
from partsight.sources.frames import NoMoreFrames
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.background import small_grey
from partsight.triggers.presence import PresenceTrigger

HEIGHT, WIDTH = 120, 160
PERIOD_S = 0.1
WHEN = datetime(2024, 5, 6, tzinfo=timezone.utc)
# Left edges of a part of 40 x 40: outside, entering, in the middle, leaving.
OUT = [None] * 3
EMPTY = [None] * 12
IN = [-35, -15, 5, 25, 45]
MIDDLE = [60]
AWAY = [75, 95, 115, 135, 155]


def belt(light: float = 1.0, seed: int = 0) -> np.ndarray:
    """A belt with a texture, and a camera's noise: float (H, W)."""
    texture = 110 + 25 * np.sin(np.arange(WIDTH) / 3)[None, :] * np.ones((HEIGHT, 1))
    noise = np.random.default_rng(seed).normal(0, 2, (HEIGHT, WIDTH))
    return texture * light + noise


def picture(left: int | None, light: float = 1.0, seed: int = 0, value: int = 200) -> np.ndarray:
    grey = belt(light, seed)
    if left is not None:
        grey[40:80, max(0, left) : max(0, left + 40)] = value * light
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


class PlayedFrames:
    """Frames of a script, at equal distances of time."""

    def __init__(self, script: Sequence[Any], pause_s: float = PERIOD_S) -> None:
        self.now_s = 0.0
        self.pause_s = pause_s
        self._script: Iterator[Any] = iter(enumerate(script))

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        index, event = next(self._script, (0, NoMoreFrames()))
        self.now_s += self.pause_s
        assert self.now_s > monotonic_s
        if isinstance(event, Exception):
            raise event
        if isinstance(event, str):
            return Fault(event, WHEN, "script", index)
        if event is None:
            return None
        return Frame(event, WHEN, "script", index, self.now_s)


def inspected(script: Sequence[Any], **changes: Any) -> list[int]:
    """The places in the script of the frames that were inspected."""
    return [event.index for event in outcomes(script, **changes)]


def outcomes(
    script: Sequence[Any], frames: PlayedFrames | None = None, **changes: Any
) -> list[Frame | Fault]:
    frames = frames or PlayedFrames(script)
    config = PresenceTriggerConfig(kind="presence", **changes)
    with PresenceTrigger(config, Telemetry(), clock=lambda: frames.now_s) as trigger:
        found = [outcome for outcome in trigger.trigger_events(frames) if outcome is not None]
    assert all(trigger_event.trigger == "presence" for trigger_event, _ in found)
    return [event for _, event in found]


def shots(lefts: Sequence[int | None], light: Callable[[int], float] = lambda _: 1.0) -> list:
    return [picture(left, light(index), seed=index) for index, left in enumerate(lefts)]


def place(lefts: list, of: int) -> int:
    """Where the only part at ``of`` first stands in a script."""
    return lefts.index(of)


STOPS = EMPTY + IN + MIDDLE * 8 + AWAY + OUT
PASSES = EMPTY + IN + MIDDLE + AWAY + OUT


@pytest.mark.parametrize(
    ("lefts", "fire", "expected"),
    [
        (EMPTY * 4, "settled", []),
        (STOPS, "settled", [place(STOPS, 60) + 3]),
        (STOPS, "centred", [place(STOPS, 60) + 7]),
        (PASSES, "settled", [place(PASSES, 60)]),
        (PASSES, "centred", [place(PASSES, 60)]),
        (EMPTY + [60] + OUT, "settled", [12]),
        (EMPTY + MIDDLE * 20, "settled", [15]),
    ],
    ids=[
        "empty belt",
        "stops",
        "stops, by the middle",
        "passes, known when it has left",
        "passes",
        "one frame only",
        "comes from above",
    ],
)
def test_a_part_is_inspected_once(lefts: list, fire: str, expected: list[int]) -> None:
    assert inspected(shots(lefts), fire=fire) == expected


@pytest.mark.parametrize("fire", ["settled", "centred"])
def test_each_part_is_inspected(fire: str) -> None:
    lefts = EMPTY + (IN + MIDDLE * 5 + AWAY + OUT) * 6
    indices = inspected(shots(lefts), fire=fire)

    assert len(indices) == 6
    assert {lefts[index] for index in indices} == {60}
    assert np.diff(indices).tolist() == [len(IN + AWAY + OUT) + 5] * 5


def test_a_part_that_stays_is_not_inspected_again_and_not_taken_for_the_belt() -> None:
    minutes = MIDDLE * 1200  # two of them
    lefts = EMPTY + IN + minutes + AWAY + OUT * 3 + IN + MIDDLE * 5 + AWAY + OUT
    indices = inspected(shots(lefts))

    assert indices == [place(lefts, 60) + 3, len(lefts) - len(MIDDLE * 5 + AWAY + OUT) + 3]


@pytest.mark.parametrize(
    "light",
    [
        lambda index: 1.0 + 0.0005 * index,
        lambda index: 1.0 - 0.0004 * index,
        lambda index: 1.0 + 0.1 * np.sin(index / 40),
        lambda index: 1.0 if index < 300 else 0.6,
        lambda index: 1.0 if index % 400 < 200 else 1.25,
    ],
    ids=["brighter", "darker", "to and fro", "a lamp goes out", "a lamp on and off"],
)
def test_light_that_changes_is_no_part(light: Callable[[int], float]) -> None:
    cycle = OUT * 5 + IN + MIDDLE * 30 + AWAY + OUT
    lefts = EMPTY + cycle * 12
    indices = inspected(shots(lefts, light))

    starts = [len(EMPTY) + number * len(cycle) for number in range(12)]
    assert [index - start for index, start in zip(indices, starts, strict=True)] == [23] * 12


def test_light_may_change_while_a_part_stays() -> None:
    lefts = EMPTY + IN + MIDDLE * 600 + AWAY + OUT * 10 + IN + MIDDLE * 5 + AWAY + OUT
    indices = inspected(shots(lefts, lambda index: 1.0 - 0.0006 * index))

    assert indices == [place(lefts, 60) + 3, len(lefts) - len(MIDDLE * 5 + AWAY + OUT) + 3]


def test_a_belt_learned_with_a_part_on_it_is_learned_again() -> None:
    cycles = [OUT * 3 + IN + [56 + 2 * each] * 5 + AWAY + OUT * 3 for each in range(8)]
    lefts = [30] * 15 + AWAY + sum(cycles, [])
    indices = inspected(shots(lefts))

    last = [len(lefts) - number * len(cycles[0]) for number in (4, 3, 2, 1)]
    assert [index for index in indices if index >= last[0]] == [start + 17 for start in last]


def test_hands_over_a_part_do_not_make_it_the_belt() -> None:
    def hand(index: int) -> np.ndarray:
        image = picture(60, seed=index)
        image[:60, 20:90] = 60
        return image

    part = IN + MIDDLE * 5 + AWAY + OUT * 3
    waits = [*shots(MIDDLE * 5), *[hand(index) for index in range(5)]] * 20
    script = [*shots(EMPTY + part + IN), *waits, *shots(MIDDLE + AWAY + OUT * 3), *shots(part * 3)]

    assert len(inspected(script)) == 5


def test_a_part_in_view_at_the_end_is_inspected() -> None:
    lefts = EMPTY + IN
    assert inspected(shots(lefts)) == [len(lefts) - 1]
    assert inspected([*shots(lefts), NoMoreFrames()]) == [len(lefts) - 1]
    with pytest.raises(SourceError, match="unplugged"):
        inspected([*shots(lefts), SourceError("unplugged")])


def test_a_part_does_not_wait_for_ever_for_a_camera() -> None:
    seen = shots(EMPTY + IN)
    (dark,) = outcomes([*seen, *["dark"] * 40])
    assert isinstance(dark, Fault)
    (kept,) = outcomes([*seen, *[None] * 40])
    assert isinstance(kept, Frame)
    assert kept.index == len(seen) - 1


def test_faults_are_no_parts() -> None:
    assert outcomes([*shots(EMPTY), *["dark"] * 40, *shots(OUT)]) == []


def test_a_part_in_view_after_missing_frames_is_inspected_again() -> None:
    short = [*shots(EMPTY + MIDDLE * 8), *[None] * 10, *shots(MIDDLE * 8)]
    assert inspected(short) == [15]
    long = [*shots(EMPTY + MIDDLE * 8), *[None] * 40, *shots(MIDDLE * 8)]
    assert inspected(long) == [15, 62]


def test_only_the_zone_is_looked_at() -> None:
    lefts = EMPTY + IN + MIDDLE * 5 + AWAY + OUT
    assert inspected(shots(lefts), zone=[0.0, 0.7, 1.0, 1.0]) == []
    assert len(inspected(shots(lefts), zone=[0.25, 0.0, 0.75, 1.0])) == 1


def test_parts_nearer_than_the_zone_need_a_smaller_one() -> None:
    def two(left: int) -> np.ndarray:
        image = picture(left)
        image[40:80, max(0, left - 70) : max(0, left - 30)] = 200
        return image

    script = [*shots(EMPTY), *[two(left) for left in range(-40, 240, 5)], *shots(OUT)]
    assert len(inspected(script, fire="centred")) == 1
    assert len(inspected(script, fire="centred", zone=[0.45, 0.0, 0.55, 1.0])) == 2


@pytest.mark.parametrize("shape", [(1, 1), (3, 1000), (1080, 1920), (7, 5)])
def test_a_frame_of_any_shape_is_made_small(shape: tuple[int, int]) -> None:
    image_bgr = np.full((*shape, 3), 255, np.uint8)

    for zone in ([0.0, 0.0, 1.0, 1.0], [0.999, 0.999, 1.0, 1.0]):
        small = small_grey(image_bgr, zone)
        assert small.dtype == np.float32
        assert max(small.shape) == 80
        assert (small == 256).all()


def test_the_belt_is_learned_again_after_a_change_of_size() -> None:
    wide = [np.repeat(image, 2, axis=1) for image in shots(EMPTY + MIDDLE * 5)]
    assert inspected([*shots(EMPTY + MIDDLE * 5), *wide]) == [15, 17 + 15]


def test_the_states_are_reported(make_frame: Callable) -> None:
    states = []
    telemetry = Telemetry()
    telemetry.on_change(lambda part, state: states.append((part, state.name)))
    frames = PlayedFrames(shots(EMPTY))
    config = PresenceTriggerConfig(kind="presence")
    with PresenceTrigger(config, telemetry, clock=lambda: frames.now_s) as trigger:
        assert list(trigger.trigger_events(frames)) == [None] * len(EMPTY)

    assert states == [("trigger", "learning"), ("trigger", "listening")]
