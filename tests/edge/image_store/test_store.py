"""Saved frames: selection, reasons for frames not saved, and annotations."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wrong_clock import DAY_S, START_S, YEARS_S, Machine

from partsight.config.pictures import PicturesConfig
from partsight.errors import OutputError
from partsight.image.decode import decode
from partsight.image.spec import PreprocessSpec
from partsight.image_store import ImageStore, SavePlan
from partsight.image_store.annotate import annotate, annotation
from partsight.image_store.disk_guard import DiskGuard
from partsight.image_store.save_plan import (
    annotated_path,
    id_of,
    image_path,
    is_kept,
    is_left_over,
)
from partsight.image_store.work_queue import Job, WorkQueue
from partsight.records import Frame, PartResult, Prediction, TriggerEvent, Verdict
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.ids import uuid7

TAKEN = datetime(2026, 11, 24, 10, 11, 12, 345000, timezone.utc)
ID = uuid7(int(TAKEN.timestamp() * 1000))
PLENTY = 10**12
# JPEG of a smooth picture at the store's quality, levels of 255.
JPEG_LEVELS = 4


def result(verdict: Verdict = Verdict.REJECT, part_id: str = ID, **more: object) -> PartResult:
    return PartResult(part_id, TAKEN, "camera", 0, "f" * 64, verdict, 1.0, str(verdict), **more)


@pytest.fixture
def frame() -> Frame:
    ramp = np.linspace(0, 255, 96, dtype=np.uint8)
    return Frame(np.dstack([np.tile(ramp, (64, 1))] * 3), TAKEN, "camera", 0)


class Lost:
    """Records lost images."""

    def __init__(self) -> None:
        self.detail: list[tuple[str, str]] = []

    def __call__(self, path: str, reason: str) -> None:
        self.detail.append((path, reason))


@pytest.fixture
def lost() -> Lost:
    return Lost()


@pytest.fixture
def open_store(tmp_path: Path, lost: Lost) -> Callable[..., ImageStore]:
    """A store with plenty of room in ``tmp_path / 'kept'``."""

    def make(
        telemetry: Telemetry, config: PicturesConfig | None = None, **more: object
    ) -> ImageStore:
        more = {"free_bytes": lambda _: PLENTY, "close_timeout_s": 30.0, **more}
        return ImageStore(tmp_path / "kept", config or PicturesConfig(), telemetry, lost, **more)

    return make


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def test_a_reject_is_saved_under_its_id_in_the_folder_of_its_day(
    tmp_path: Path, open_store: Callable, frame: Frame, lost: Lost
) -> None:
    telemetry = Telemetry()
    with open_store(telemetry) as store:
        plan = store.plan(ID, Verdict.REJECT, TAKEN)
        assert plan == SavePlan(f"2026-11-24/{ID}.jpg")
        store.keep(plan, frame, result())

    assert written(tmp_path / "kept") == [
        f"2026-11-24/{ID}-annotated.jpg",
        f"2026-11-24/{ID}.jpg",
    ]
    kept = decode(tmp_path / "kept" / plan.path).astype(int)
    assert np.abs(kept - frame.image_bgr).max() <= JPEG_LEVELS
    assert telemetry.values()["pictures_kept", ""] == 1
    assert telemetry.values()["disk_free_bytes", "pictures"] == PLENTY
    assert telemetry.states()["pictures"].name == "keeping"
    assert not lost.detail


def test_png_is_lossless_and_annotation_is_optional(
    tmp_path: Path, open_store: Callable, frame: Frame
) -> None:
    with open_store(Telemetry(), PicturesConfig(format="png", annotate=False)) as store:
        store.keep(store.plan(ID, Verdict.REVIEW, TAKEN), frame, result())

    assert written(tmp_path / "kept") == [f"2026-11-24/{ID}.png"]
    kept = decode(tmp_path / "kept" / f"2026-11-24/{ID}.png")
    assert (kept == frame.image_bgr).all()


@pytest.mark.parametrize(
    ("verdict", "share", "fault", "kept"),
    [
        (Verdict.REJECT, 0.0, False, True),
        (Verdict.REVIEW, 0.0, False, True),
        (Verdict.ACCEPT, 0.0, False, False),
        (Verdict.ACCEPT, 1.0, False, True),
        (Verdict.ACCEPT, 0.0, True, True),
    ],
)
def test_rejects_reviews_faults_and_a_share_of_accepts_are_saved(
    verdict: Verdict, share: float, fault: bool, kept: bool
) -> None:
    assert is_kept(ID, verdict, share, fault=fault) is kept


def test_an_accept_that_is_not_drawn_needs_no_explanation(open_store: Callable) -> None:
    telemetry = Telemetry()
    with open_store(telemetry, PicturesConfig(keep_accepts=0)) as store:
        assert store.plan(ID, Verdict.ACCEPT, TAKEN) == SavePlan()
    assert ("pictures_lost", "") not in telemetry.values()


def test_the_same_share_of_accepts_is_saved_each_time() -> None:
    ids = [f"{number:032x}" for number in range(10_000)]
    kept = {each for each in ids if is_kept(each, Verdict.ACCEPT, 0.05)}

    assert 400 < len(kept) < 600  # 4.6 standard deviations around 500
    assert kept == {each for each in ids if is_kept(each, Verdict.ACCEPT, 0.05)}
    assert kept < {each for each in ids if is_kept(each, Verdict.ACCEPT, 0.1)}


@given(st.integers(0, 2**48 - 1), st.sampled_from(["jpg", "png"]))
def test_names_are_known_again(unix_ms: int, ending: str) -> None:
    part_id = uuid7(unix_ms)
    name = Path(image_path(part_id, TAKEN, ending)).name

    assert id_of(name) == part_id
    assert id_of(Path(annotated_path(name)).name) == part_id


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "a.jpg", f"{ID}.jpg.txt", f"x{ID}.jpg", f"{ID}.JPG", f"{ID}", ""],
    # The processes that run the tests must give them the same names.
    ids=["notes.txt", "a.jpg", "ID.jpg.txt", "xID.jpg", "ID.JPG", "ID", "none"],
)
def test_other_names_do_not_belong_to_the_store(name: str) -> None:
    assert id_of(name) is None
    assert not is_left_over(name)


def test_days_are_those_of_utc() -> None:
    east = TAKEN.astimezone(timezone(timedelta(hours=14)))
    assert east.date() != TAKEN.date()
    assert image_path(ID, east, "jpg").startswith("2026-11-24/")


# What stands in the way


@pytest.mark.parametrize(
    ("rooms", "state", "reported"),
    [
        ([600], "idle", None),
        ([500], "idle", None),
        ([499], "disk full", "499 MB free, at least 500 MB must stay free for the journal"),
        ([180, 520], "disk full", "520 MB free, at least 550 MB must stay free for the journal"),
        ([180, 550], "idle", None),
        ([180, 550, 520], "idle", None),
    ],
)
def test_saving_stops_below_the_reserve_and_resumes_above_it(
    rooms: list[int], state: str, reported: str | None
) -> None:
    telemetry, room = Telemetry(), iter(rooms)
    guard = DiskGuard(
        Path("kept"), 500_000_000, 550_000_000, telemetry, lambda _: next(room) * 1_000_000
    )
    for _ in rooms:
        guard.look()

    obstacle = guard.obstacle()
    assert (obstacle and obstacle.detail) == reported
    assert telemetry.states()["pictures"].name == state


def test_the_state_is_keeping_only_after_the_first_image() -> None:
    telemetry, rooms = Telemetry(), iter([600, 600, 400, 600])
    guard = DiskGuard(
        Path("kept"), 500_000_000, 550_000_000, telemetry, lambda _: next(rooms) * 1_000_000
    )
    states = []
    telemetry.on_change(lambda part, state: states.append(state.name))
    guard.look()
    for _ in range(2):
        guard.succeeded()
    for _ in range(3):
        guard.look()
    assert states == ["idle", "keeping", "disk full", "keeping"]


def test_after_a_failure_nothing_is_planned_until_the_next_try() -> None:
    telemetry, clock = Telemetry(), iter([100.0, 104.9, 105.0])
    guard = DiskGuard(Path("kept"), 1, 2, telemetry, lambda _: PLENTY, lambda: next(clock))
    guard.failed("failing", "Read-only file system")

    obstacle = guard.obstacle()
    assert obstacle is not None
    assert (obstacle.cause, obstacle.detail) == ("failing", "Read-only file system")
    assert guard.obstacle() is None
    guard.look()
    assert telemetry.states()["pictures"].name == "failing"
    guard.succeeded()
    assert telemetry.states()["pictures"].name == "keeping"


def test_a_disk_with_unknown_free_space_is_failing() -> None:
    def broken(folder: Path) -> int:
        raise OSError(errno.ESTALE, "Stale file handle")

    telemetry = Telemetry()
    guard = DiskGuard(Path("kept"), 1, 2, telemetry, broken)

    assert guard.look() is None
    assert telemetry.states()["pictures"].detail == "kept: Stale file handle"


def test_a_full_disk_is_said_in_the_plan_and_counted(open_store: Callable, lost: Lost) -> None:
    telemetry = Telemetry()
    with open_store(telemetry, free_bytes=lambda _: 180_000_000) as store:
        plan = store.plan(ID, Verdict.REJECT, TAKEN)

    assert plan == SavePlan(
        note="picture not kept: 180 MB free, at least 500 MB must stay free for the journal"
    )
    assert telemetry.values()["pictures_lost", "disk full"] == 1
    assert telemetry.states()["pictures"].name == "disk full"
    assert not lost.detail  # it was never promised


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk full"),
        (OSError(errno.EROFS, "Read-only file system"), "failing"),
        (RuntimeError("a bug"), "failing"),
    ],
)
def test_a_lost_image_is_reported_and_the_next_is_not_planned(
    open_store: Callable, frame: Frame, lost: Lost, error: Exception, cause: str
) -> None:
    tried = threading.Event()

    def save(path: Path, data: bytes) -> None:
        tried.set()
        if isinstance(error, OSError):
            raise OutputError(str(error)) from error
        raise error

    telemetry = Telemetry()
    with open_store(telemetry, save=save) as store:
        plan = store.plan(ID, Verdict.REJECT, TAKEN)
        store.keep(plan, frame, result())
        assert tried.wait(30)

    assert lost.detail == [(plan.path, str(error))]
    assert telemetry.values()["pictures_lost", cause] == 1
    assert telemetry.states()["pictures"].name == cause
    assert store.plan(ID, Verdict.REJECT, TAKEN).note == f"picture not kept: {error}"


def test_a_frame_is_saved_even_if_annotation_fails(
    tmp_path: Path, open_store: Callable, frame: Frame, lost: Lost
) -> None:
    bad_map = Prediction({"good": 1.0}, heatmap=np.zeros((0, 3), np.float32))
    telemetry = Telemetry()
    with open_store(telemetry) as store:
        plan = store.plan(ID, Verdict.REJECT, TAKEN)
        store.keep(plan, frame, result(prediction=bad_map), PreprocessSpec(8, 8))

    assert written(tmp_path / "kept") == [plan.path]
    assert telemetry.values()["pictures_lost", "annotated"] == 1
    assert telemetry.states()["pictures"].name == "keeping"
    assert not lost.detail  # the file in the journal exists


def test_a_callback_that_fails_stops_nothing(
    tmp_path: Path, frame: Frame, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: str, reason: str) -> None:
        raise OutputError("the journal is away")

    names = iter([OutputError("broken"), None, None])

    def save(path: Path, data: bytes) -> None:
        if error := next(names):
            raise error

    telemetry = Telemetry()
    with ImageStore(tmp_path, PicturesConfig(), telemetry, refuse, save=save,
                      free_bytes=lambda _: PLENTY, close_timeout_s=30) as store:  # fmt: skip
        plan = SavePlan(image_path(ID, TAKEN, "jpg"))
        store.keep(plan, frame, result())
        store.keep(plan, frame, result())

    assert telemetry.values()["pictures_kept", ""] == 1
    assert "could not be reported" in caplog.text


# The queue


def test_a_slow_disk_fills_the_queue_without_blocking(
    open_store: Callable, frame: Frame, lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partsight.image_store.store._QUEUE_BYTES", 3 * frame.image_bgr.nbytes)
    go_on = threading.Event()
    telemetry = Telemetry()
    with open_store(telemetry, save=lambda path, data: go_on.wait(30)) as store:
        plans = [store.plan(ID, Verdict.REJECT, TAKEN)]
        while plans[-1].path:
            store.keep(plans[-1], frame, result())
            plans.append(store.plan(ID, Verdict.REJECT, TAKEN))
        go_on.set()

    assert len(plans) == 4
    assert plans[-1].note == "picture not kept: 3 pictures waiting for the disk"
    assert telemetry.values()["pictures_kept", ""] == 3
    assert telemetry.values()["pictures_lost", "queue full"] == 1


def test_an_image_that_does_not_fit_into_the_queue_is_reported(
    open_store: Callable, frame: Frame, lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partsight.image_store.store._QUEUE_BYTES", 1)
    go_on = threading.Event()
    with open_store(Telemetry(), save=lambda path, data: go_on.wait(30)) as store:
        first, second = (store.plan(ID, Verdict.REJECT, TAKEN) for _ in range(2))
        store.keep(first, frame, result())
        store.keep(second, frame, result())
        go_on.set()

    assert lost.detail == [(second.path, "too many pictures are waiting for the disk")]


def test_a_hanging_disk_does_not_delay_the_end_and_lost_images_are_reported(
    open_store: Callable, frame: Frame, lost: Lost
) -> None:
    stuck, go_on = threading.Event(), threading.Event()

    def save(path: Path, data: bytes) -> None:
        stuck.set()
        go_on.wait(30)

    telemetry = Telemetry()
    with open_store(telemetry, save=save, close_timeout_s=0.02) as store:
        paths = []
        for number in range(3):
            plan = store.plan(f"{ID[:-1]}{number}", Verdict.REJECT, TAKEN)
            store.keep(plan, frame, result())
            paths.append(plan.path)
        assert stuck.wait(30)
    reported = list(lost.detail)
    go_on.set()

    assert [path for path, _ in reported] == paths
    assert telemetry.values()["pictures_lost", "closing"] == 3
    assert ("pictures_kept", "") not in telemetry.values()


def test_a_queue_survives_unexpected_errors(frame: Frame, caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def work(job: Job | None) -> bool:
        if job is None:
            return False
        if job.path == "bad":
            raise ValueError("unexpected")
        done.append(job.path)
        return False

    queue = WorkQueue(10**9, work, name="test")
    queue.start()
    for path in ("bad", "good"):
        assert queue.put(Job(path, frame, result()))

    assert queue.close(30) == []
    assert done == ["good"]
    assert "goes on" in caplog.text


# What is drawn


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        (
            {"prediction": Prediction({"scratch": 0.91, "ok": 0.09}),
             "trigger_event": TriggerEvent("mqtt", 1.0, "SN-4711")},
            ("REJECT   scratch 0.910", "part SN-4711   2026-11-24 10:11:12.345+00:00"),
        ),
        ({"error": "frozen"}, ("REJECT   frozen", "2026-11-24 10:11:12.345+00:00")),
        ({}, ("REJECT   not inspected", "2026-11-24 10:11:12.345+00:00")),
        (
            {"prediction": Prediction({"Gehäuse 部": 1.0})},
            ("REJECT   Gehause ? 1.000", "2026-11-24 10:11:12.345+00:00"),
        ),
    ],
)  # fmt: skip
def test_verdict_part_and_time_are_written_below_a_frame(
    more: dict, lines: tuple[str, ...]
) -> None:
    assert annotation(result(**more)) == lines


@pytest.mark.parametrize(
    ("hw", "seen_hw"),
    [((64, 96), (64, 96)), ((1080, 1920), (540, 960)), ((4000, 1000), (960, 240))],
)
def test_the_band_covers_nothing_of_the_frame(hw: tuple, seen_hw: tuple) -> None:
    image = np.full((*hw, 3), 128, np.uint8)

    drawn = annotate(image, result())

    height, width = seen_hw
    assert (drawn[:height, :width] == 128).all()
    assert drawn.shape[0] > height
    assert drawn.shape[1] == max(width, 640)
    band = drawn[height:]
    assert (band == 255).all(axis=2).sum() > 50  # letters
    assert (image == 128).all()


def test_a_long_text_stays_within_the_frame() -> None:
    drawn = annotate(np.zeros((480, 640, 3), np.uint8), result(error="x" * 60))
    letters = (drawn[480:] == 255).all(axis=2)

    assert letters.any()
    assert not letters[:, -2:].any()


def test_the_map_is_laid_over_the_frame() -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    image = np.full((128, 128, 3), 100, np.uint8)
    hot = result(prediction=Prediction({"bad": 1.0}, heatmap=heat))

    drawn, plain = annotate(image, hot, PreprocessSpec(64, 64)), annotate(image, hot)

    assert (plain[:128, :128] == 100).all()
    assert (drawn[:16, :16] != 100).any(axis=2).all()
    assert (drawn[96:128, 96:128] == 100).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ({}, None),
        ({"keep_accepts": 1}, None),
        ({"keep_accepts": 1.01}, "less than or equal to 1"),
        ({"quality": 0}, "greater than or equal to 1"),
        ({"format": "bmp"}, "'jpg' or 'png'"),
        ({"max_count": 0}, "greater than 0"),
        ({"min_free": 1}, "Extra inputs"),
    ],
)
def test_the_section_is_strict(text: dict, message: str | None) -> None:
    if message is None:
        PicturesConfig.model_validate(text)
    else:
        with pytest.raises(ValueError, match=message):
            PicturesConfig.model_validate(text)


def test_frames_too_large_for_a_jpeg_are_refused_by_name() -> None:
    from partsight.image.encode import encode

    wide = np.zeros((1, 70_000, 3), np.uint8)
    with pytest.raises(OutputError, match=r"as jpg.*\(1, 70000, 3\)"):
        encode(wide)
    assert (cv2.imdecode(np.frombuffer(encode(wide, "png"), np.uint8), 1) == 0).all()


@pytest.mark.parametrize("error_s", [YEARS_S, -YEARS_S, -START_S])
def test_an_image_gets_the_time_that_a_wrong_clock_should_show(
    tmp_path: Path, open_store: Callable, frame: Frame, error_s: float
) -> None:
    machine = Machine(tmp_path / "clock")
    machine.start()
    machine.off(60)
    machine.error_s = error_s
    with open_store(Telemetry(), elapsed=machine.start()) as store:
        store.keep(store.plan(ID, Verdict.REJECT, TAKEN), frame, result())
    for path in (tmp_path / "kept").rglob("*.jpg"):
        assert path.stat().st_mtime == pytest.approx(machine.true_s, abs=DAY_S)
