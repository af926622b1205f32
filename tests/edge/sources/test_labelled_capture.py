"""Labelled pictures from the line's camera: times, names, and no overwriting."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from partsight.cli.main import main
from partsight.errors import OutputError, SourceError
from partsight.image.decode import decode
from partsight.image_files.read import find_image_files
from partsight.records import Fault, Frame
from partsight.sources.frames import NoMoreFrames, SequentialFrames
from partsight.sources.labelled_capture import (
    CaptureTarget,
    capture,
    every,
    is_plain_name,
    on_each,
    require_first_frame,
)
from partsight.sources.scripted import ScriptedSource

TAKEN = datetime(2026, 11, 24, 10, 11, 12, 345678, timezone.utc)
# Motion JPEG of a plain grey frame, levels of 255.
MJPEG_LEVEL = 3


def frame(value: int, taken: datetime = TAKEN) -> Frame:
    return Frame(np.full((4, 6, 3), value, np.uint8), taken, "script", value)


def scripted(*events: Frame | Fault | Exception) -> SequentialFrames:
    return SequentialFrames(ScriptedSource(events))


def now() -> Iterator[float]:
    return every(0, monotonic=lambda: 0.0, sleep=lambda seconds: None)


def test_a_picture_is_named_by_its_time_and_loses_nothing(tmp_path: Path) -> None:
    later = TAKEN.astimezone(timezone(timedelta(hours=2))) + timedelta(seconds=1)

    paths = list(
        capture(scripted(frame(1), frame(2, later)), now(), CaptureTarget(tmp_path / "ok"))
    )

    assert [path.name for path in paths] == [
        "20261124T101112345Z-1.png",
        "20261124T101113345Z-2.png",
    ]
    assert [int(decode(path).max()) for path in paths] == [1, 2]
    assert paths == find_image_files([tmp_path / "ok"])


def test_pictures_of_one_part_continue_their_numbers(tmp_path: Path) -> None:
    place = CaptureTarget(tmp_path, "jpg", "part17")

    first = list(capture(scripted(frame(1), frame(2)), now(), place))
    second = list(capture(scripted(frame(3)), now(), place))

    assert [path.name for path in first + second] == [
        "part17_nohash_1.jpg",
        "part17_nohash_2.jpg",
        "part17_nohash_3.jpg",
    ]


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also not what comes between the look and the writing."""
    taken = tmp_path / "20261124T101112345Z-1.png"
    taken.write_bytes(b"precious")
    monkeypatch.setattr(Path, "exists", lambda self: False)

    (path,) = capture(scripted(frame(1)), now(), CaptureTarget(tmp_path))

    assert path.name == "20261124T101112345Z-2.png"
    assert taken.read_bytes() == b"precious"


def test_capture_stops_after_the_given_number(tmp_path: Path) -> None:
    fault = Fault("dark", TAKEN, "script", 1)
    events = scripted(frame(1), fault, frame(3), frame(4))

    outcomes = list(capture(events, now(), CaptureTarget(tmp_path), most=2))

    assert outcomes[1] is fault
    assert [isinstance(each, Path) for each in outcomes] == [True, False, True]


def test_a_camera_that_gives_no_frame_in_time_is_named(tmp_path: Path) -> None:
    class Absent:
        def after(self, monotonic_s: float, timeout_s: float) -> None:
            return None

    outcome = next(capture(Absent(), now(), CaptureTarget(tmp_path)))

    assert isinstance(outcome, Fault)
    assert outcome.reason == "no frame came in 10 s"


def test_pictures_before_a_source_failure_stay(tmp_path: Path) -> None:
    taken = []
    with pytest.raises(SourceError, match="unplugged"):
        taken += capture(
            scripted(frame(1), SourceError("unplugged")), now(), CaptureTarget(tmp_path)
        )
    assert len(list(tmp_path.iterdir())) == 1


def test_a_place_that_takes_no_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ok").touch()
    with pytest.raises(OutputError, match="cannot write"):
        list(capture(scripted(frame(1)), now(), CaptureTarget(tmp_path / "ok")))


def test_frames_are_captured_after_the_requested_time(tmp_path: Path) -> None:
    asked: list[float] = []

    class Camera:
        def after(self, monotonic_s: float, timeout_s: float) -> Frame:
            asked.append(monotonic_s)
            if len(asked) > 3:
                raise NoMoreFrames
            return frame(len(asked))

    list(capture(Camera(), iter([1.0, 5.0, 7.5, 9.0, 11.0]), CaptureTarget(tmp_path)))

    assert asked == [1.0, 5.0, 7.5, 9.0]


class Slow:
    """A camera whose events come a second apart, on a clock of its own."""

    def __init__(self, *events: Frame | Fault | None) -> None:
        self.events, self.clock = iter(events), 100.0

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        self.clock += min(1.0, timeout_s)
        return next(self.events, None)

    def monotonic(self) -> float:
        return self.clock


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([frame(1)], None),
        ([None, Fault("dark", TAKEN, "0", 0), frame(1)], None),
        ([], "cannot capture from 7: no frame came in 5 s. Check"),
        (
            [Fault("7: cannot be opened. Check the cable", TAKEN, "0", 0)] * 5,
            "^cannot capture from 7: cannot be opened. Check the cable. Check that it is conn",
        ),
        (
            [Fault("7: cannot be opened. Check that it is connected", TAKEN, "0", 0)] * 5,
            "^cannot capture from 7: cannot be opened. Check that it is connected[.]$",
        ),
        ([None, Fault("it is unplugged", TAKEN, "0", 0)], "from 7: it is unplugged. Check"),
        ([None] * 5 + [frame(1)], "no frame came"),
    ],
)
def test_a_camera_must_give_its_first_frame_in_time(events: list, message: str | None) -> None:
    camera = Slow(*events)
    if message is None:
        require_first_frame(camera, "7", 5.0, camera.monotonic)
    else:
        with pytest.raises(SourceError, match=message):
            require_first_frame(camera, "7", 5.0, camera.monotonic)


@pytest.mark.parametrize(
    ("lag_s", "expected"),
    [(0.0, [100.0, 102.0, 104.0]), (0.5, [100.0, 102.0, 104.0]), (3.0, [100.0, 103.0, 106.0])],
    ids=["at once", "late", "slower than the pace"],
)
def test_moments_come_at_their_pace(lag_s: float, expected: list[float]) -> None:
    clock = 100.0

    def sleep(seconds: float) -> None:
        nonlocal clock
        clock += seconds

    moments = every(2.0, monotonic=lambda: clock, sleep=sleep)
    received = []
    for _ in expected:
        received.append(next(moments))
        clock += lag_s

    assert received == expected


def test_each_line_is_a_moment() -> None:
    clock = iter([3.0, 8.0])
    assert list(on_each(io.StringIO("\n\n"), monotonic=lambda: next(clock))) == [3.0, 8.0]


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("defected", True),
        ("Kratzer außen 2", True),
        ("部品", True),
        ("v1.2", True),
        ("x" * 100, True),
        ("x" * 101, False),
        ("", False),
        (".", False),
        ("..", False),
        (".hidden", False),
        ("end.", False),
        (" space", False),
        ("a/b", False),
        ("a\\b", False),
        ("C:", False),
        ("nul\0", False),
        ("line\n", False),
    ],
)
def test_names_that_any_disk_takes(name: str, plain: bool) -> None:
    assert is_plain_name(name) is plain


# The command


def run(*arguments: object, keys: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(
        main, ["capture", *map(str, arguments)], input=keys, env={"PARTSIGHT_CONFIG": None}
    )
    return done.exit_code, done.stdout, done.stderr


def test_a_video_becomes_a_label_that_training_finds(tmp_path: Path, write_video: Callable) -> None:
    video = write_video(tmp_path / "line.avi", 5)

    code, out, _ = run("--source", video, "--label", "healthy", tmp_path / "parts")

    assert (code, out) == (0, f"wrote 5 images to {tmp_path / 'parts' / 'healthy'}\n")
    found = find_image_files([tmp_path / "parts"])
    assert {path.parent.name for path in found} == {"healthy"}
    values = sorted(float(decode(path).mean()) for path in found)
    assert values == pytest.approx([20, 40, 60, 80, 100], abs=MJPEG_LEVEL)


def test_a_folder_gives_every_pixel_and_names_bad_files(tmp_path: Path) -> None:
    source = tmp_path / "camera"
    source.mkdir()
    cv2.imwrite(str(source / "a.jpg"), np.full((600, 800, 3), 90, np.uint8))
    (source / "b.jpg").write_bytes(b"no picture")

    code, out, err = run("--source", source, "--label", "bad", "--json", tmp_path / "parts")

    reported = json.loads(out)
    assert code == 3
    (path,) = find_image_files([tmp_path / "parts" / "bad"])
    assert reported["label"] == "bad"
    assert reported["pictures"] == [str(path)]
    assert decode(path).shape == (600, 800, 3)
    assert [each["source"] for each in reported["failed"]] == [str(source / "b.jpg")]
    assert "b.jpg" in err
    assert "1 of 2 inputs failed" in err


def test_enter_takes_a_picture(tmp_path: Path, write_video: Callable) -> None:
    video = write_video(tmp_path / "line.avi", 5)

    code, _, err = run(
        "--source", video, "--label", "ok", "--part", "SN-1", "--wait-for-key", tmp_path,
        keys="\n\n",
    )  # fmt: skip

    assert code == 0
    names = [path.name for path in find_image_files([tmp_path / "ok"])]
    assert names == ["SN-1_nohash_1.png", "SN-1_nohash_2.png"]
    assert "SN-1_nohash_2.png" in err


def test_ctrl_c_is_the_end_and_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> Iterator[Path]:
        yield tmp_path / "a.png"
        raise KeyboardInterrupt

    monkeypatch.setattr("partsight.sources.labelled_capture.capture", interrupted)
    (tmp_path / "line").mkdir()
    cv2.imwrite(str(tmp_path / "line" / "a.png"), np.zeros((4, 4, 3), np.uint8))

    code, out, _ = run("--source", tmp_path / "line", "--label", "ok", tmp_path)

    assert code == 0
    assert out.startswith("wrote 1 image ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--label", "../up"), "--label"),
        (("--label", "ok", "--part", "a/b"), "--part"),
        (("--label", "ok", "--wait-for-key", "--every", "1"), "exclude each other"),
        (("--label", "ok", "--every", "-1"), "--every"),
        ((), "--label"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    code, _, err = run("--source", tmp_path, *arguments, tmp_path / "parts")

    assert code == 2
    assert message in err
    assert not (tmp_path / "parts").exists()


def test_a_missing_source_is_a_one_line_error(tmp_path: Path) -> None:
    code, _, err = run("--source", tmp_path / "missing.avi", "--label", "ok", tmp_path)
    assert (code, "no source" in err, err.count("\n")) == (1, True, 1)


def test_a_missing_camera_is_a_one_line_error(tmp_path: Path) -> None:
    config = tmp_path / "partsight.toml"
    config.write_text("[source]\nopen_timeout_s = 0.5\n")

    code, _, err = run(
        "--source", "/dev/video97", "--label", "ok", "--config", config, tmp_path / "parts"
    )

    assert code == 1
    assert "cannot capture from /dev/video97" in err
    assert not (tmp_path / "parts").exists()


def test_settings_of_the_source_are_those_of_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "partsight.toml"
    config.write_text("[source.conditions]\ndark_below = 3.0\n")
    opened = []

    def note(source_config: object, spec: object, telemetry: object) -> nullcontext:
        opened.append(source_config)
        return nullcontext(scripted(frame(1)))

    monkeypatch.setattr("partsight.sources.opening.open_frames", note)

    code, _, _ = run("--source", "line.avi", "--label", "ok", "--config", config, tmp_path)

    assert code == 0
    assert (opened[0].address, opened[0].conditions.dark_below) == ("line.avi", 3.0)
