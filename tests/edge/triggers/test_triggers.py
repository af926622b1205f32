"""Each trigger event gets the first frame after it or a fault, in order."""

from __future__ import annotations

import codecs
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from partsight.config.trigger import TriggerConfig
from partsight.errors import SourceError
from partsight.records import Fault, Frame, TriggerEvent
from partsight.sources import ScriptedSource
from partsight.sources.frames import NoMoreFrames, SequentialFrames
from partsight.telemetry.announcements import BURST
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers import open_trigger, trigger_kinds
from partsight.triggers.external import ExternalTrigger
from partsight.triggers.frame import FrameTrigger
from partsight.triggers.id_report import IdReport
from partsight.triggers.interval import IntervalTrigger
from partsight.triggers.part_id import LONGEST, part_id_of, plain_id
from partsight.triggers.trigger_queue import TriggerQueue

NOW = datetime(2024, 5, 6, tzinfo=timezone.utc)
IMAGE = np.zeros((2, 4, 3), np.uint8)


class FakeCamera:
    """Frames that arrive at given seconds, of which the newest is held; and the clock."""

    def __init__(self, arrivals: Sequence[float], end: Exception | None = None) -> None:
        self.now_s = 0.0
        self.frames = [Frame(IMAGE, NOW, "cam", n, s) for n, s in enumerate(arrivals)]
        self.end = end

    def clock(self) -> float:
        return self.now_s

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        assert 0 <= timeout_s <= 0.5
        come = [f for f in self.frames if monotonic_s < f.monotonic_s <= self.now_s]
        if come:
            return come[-1]
        coming = [f for f in self.frames if f.monotonic_s > max(monotonic_s, self.now_s)]
        if not coming and self.end is not None:
            raise self.end
        if not coming or coming[0].monotonic_s > self.now_s + timeout_s:
            self.now_s += timeout_s
            return None
        self.now_s = coming[0].monotonic_s
        return coming[0]


def external(
    camera: FakeCamera,
    moments: Sequence[float],
    capacity: int = 8,
    telemetry: Telemetry | None = None,
) -> list:
    """Return the outcomes of events at given seconds."""
    trigger_queue = TriggerQueue("test", capacity, camera.clock)
    for number, moment in enumerate(moments):
        assert trigger_queue.put(f"P{number}", moment) == number + 1
    trigger_queue.close()
    listener = contextlib.nullcontext()
    trigger = ExternalTrigger(
        listener, trigger_queue, telemetry or Telemetry(), 2.0, clock=camera.clock, now=lambda: NOW
    )
    with trigger:
        return list(trigger.trigger_events(camera))


def reported(outcomes: list) -> list:
    """Part and frame of each outcome; None as it is."""
    return [
        outcome and (outcome[0].part_id, getattr(outcome[1], "reason", None) or outcome[1].index)
        for outcome in outcomes
    ]


LOST = "no frame within 2 s of the trigger: source is unknown"


@pytest.mark.parametrize(
    ("arrivals", "moments", "expected"),
    [
        ([0.1, 0.2, 0.3], [0.15], [("P0", 1)]),
        ([0.1, 0.2, 0.3], [0.1], [("P0", 1)]),
        ([0.1, 0.2, 0.3], [0.05, 0.25], [("P0", 0), ("P1", 2)]),
        ([1.2], [0.0], [None, None, ("P0", 0)]),
        ([9.0], [0.0], [None, None, None, ("P0", LOST)]),
        ([2.0], [0.0], [None, None, None, ("P0", 0)]),
        ([], [0.0, 0.1], [*[None] * 3, ("P0", LOST), ("P1", LOST.replace("0", "0"))]),
    ],
    ids=["next", "not the same", "two", "late", "too late", "just in time", "none for two"],
)
def test_the_first_frame_after_the_event_is_used(
    arrivals: list, moments: list, expected: list
) -> None:
    outcomes = reported(external(FakeCamera(arrivals), moments))

    assert [o for o in outcomes if o] == [o for o in expected if o]
    if len(moments) == 1:
        assert outcomes == expected


def test_a_late_frame_is_not_used() -> None:
    camera = FakeCamera([1.0, 4.5])
    camera.now_s = 4.6  # what came before was slow
    ((part, reason),) = reported(external(camera, [0.5]))

    assert part == "P0"
    assert reason.startswith("the first frame came 4.0 s after the trigger, expected 2 s at most")


def test_the_fault_says_the_sources_state_place_and_time() -> None:
    telemetry = Telemetry()
    telemetry.state("source", "disconnected")
    outcomes = external(FakeCamera([0.1]), [0.05, 0.2], telemetry=telemetry)
    trigger_event, fault = outcomes[-1]

    assert fault.reason == "no frame within 2 s of the trigger: source is disconnected"
    assert (fault.source, fault.index) == ("cam", 1)
    assert fault.captured_at == NOW - timedelta(seconds=2)
    assert trigger_event == TriggerEvent("test", 0.2, "P1")


def test_where_too_many_wait_the_oldest_get_a_fault() -> None:
    camera = FakeCamera([0.1 * n for n in range(1, 20)])
    outcomes = reported(external(camera, [0.05 + 0.1 * n for n in range(6)], capacity=4))

    assert [part for part, _ in outcomes] == [f"P{n}" for n in range(6)]
    reasons = [reason for _, reason in outcomes]
    assert reasons[:2] == ["more than 4 triggers waited: too fast to inspect"] * 2
    assert all(isinstance(reason, int) for reason in reasons[2:])


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (NoMoreFrames(), "no frame after the trigger: the source has ended"),
        (SourceError("unplugged"), "no frame after the trigger: unplugged"),
    ],
)
def test_at_the_sources_end_who_waits_gets_a_fault(end: Exception, reason: str) -> None:
    camera = FakeCamera([0.1], end)
    found = []
    trigger_queue = TriggerQueue("test", 8, camera.clock)
    for part in ("A", "B", "C"):
        trigger_queue.put(part, 0.0 if part == "A" else 0.2)
    with ExternalTrigger(
        contextlib.nullcontext(), trigger_queue, Telemetry(), 2.0, clock=camera.clock
    ) as trigger:
        wrong = pytest.raises(SourceError, match="unplugged")
        with wrong if isinstance(end, SourceError) else contextlib.nullcontext():
            found.extend(trigger.trigger_events(camera))

    assert reported(found) == [("A", 0), ("B", reason), ("C", reason)]


def test_a_fault_of_the_source_is_handed_on() -> None:
    fault = Fault("dark", NOW, "cam", 4)
    trigger_queue = TriggerQueue("test", 8)
    trigger_queue.put("A")
    trigger_queue.close()
    frames = SequentialFrames(ScriptedSource([fault]))
    with ExternalTrigger(contextlib.nullcontext(), trigger_queue, Telemetry(), 2.0) as trigger:
        ((_, event),) = trigger.trigger_events(frames)

    assert event is fault


def test_where_nothing_happens_the_loop_gets_its_turn() -> None:
    trigger_queue = TriggerQueue("test", 8)
    with ExternalTrigger(contextlib.nullcontext(), trigger_queue, Telemetry(), 2.0) as trigger:
        outcomes = trigger.trigger_events(FakeCamera([]))
        assert next(outcomes) is None
        trigger_queue.close()
        assert list(outcomes) == []


def test_the_listener_is_open_while_the_trigger_is() -> None:
    log = []

    @contextlib.contextmanager
    def listener() -> Any:
        log.append("open")
        yield
        log.append("closed")

    trigger = ExternalTrigger(listener(), TriggerQueue("test", 1), Telemetry(), 2.0)
    assert log == []
    with trigger:
        assert log == ["open"]
    assert log == ["open", "closed"]


def test_a_queue_is_thread_safe_and_refuses_a_flood(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trigger_queue = TriggerQueue("test", 8)
    numbers: list[int | None] = []

    def flood() -> None:
        for _ in range(3000):
            numbers.append(trigger_queue.put(None))

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(number for number in numbers if number) == list(range(1, 10_001))
    assert numbers.count(None) == 2000
    assert len(caplog.records) == 1
    trigger_queue.close()
    taken = 0
    while not trigger_queue.ended:
        assert trigger_queue.take(0.0) is not None
        taken += 1
    assert taken == 10_000


def frame_outcomes(events: Sequence[Any]) -> tuple[list, Exception | None]:
    found: list = []
    with FrameTrigger(clock=lambda: 50.0) as trigger:
        try:
            found.extend(trigger.trigger_events(SequentialFrames(ScriptedSource(events))))
        except SourceError as error:
            return found, error
    return found, None


def test_every_frame_and_fault_is_an_event() -> None:
    frames = [Frame(IMAGE, NOW, "cam", index, float(index)) for index in (1, 2, 60)]
    fault = Fault("dark", NOW, "cam", 3)
    found, error = frame_outcomes([frames[0], frames[1], fault, frames[2]])

    assert error is None
    assert [event for _, event in found] == [frames[0], frames[1], fault, frames[2]]
    assert [trigger_event.monotonic_s for trigger_event, _ in found] == [1.0, 1.0, 2.0, 50.0]
    assert {trigger_event.trigger for trigger_event, _ in found} == {"frame"}


def test_no_frame_is_inspected_twice() -> None:
    camera = FakeCamera([0.1, 0.2, 0.9], NoMoreFrames())
    with FrameTrigger(clock=camera.clock) as trigger:
        outcomes = list(trigger.trigger_events(camera))

    assert [outcome and outcome[1].index for outcome in outcomes] == [0, 1, None, 2]


def test_a_failing_source_is_reported() -> None:
    found, error = frame_outcomes([Frame(IMAGE, NOW, "cam", 0), SourceError("unplugged")])

    assert len(found) == 1
    assert str(error) == "unplugged"


def interval(camera: FakeCamera, period_s: float, busy_s: Sequence[float] = ()) -> list:
    """Moment and frame of each outcome, where the loop takes given times to inspect."""
    busy = iter(busy_s)
    found = []
    trigger = IntervalTrigger(
        period_s, Telemetry(), 0.3, clock=camera.clock, sleep=camera.sleep, now=lambda: NOW
    )
    with trigger:
        for outcome in trigger.trigger_events(camera):
            if outcome is not None:
                found.append((round(outcome[0].monotonic_s, 6), outcome[1].index))
                camera.now_s += next(busy, 0.0)
    return found


def test_an_interval_does_not_drift() -> None:
    camera = FakeCamera([n / 30 + 0.001 for n in range(3001)], NoMoreFrames())
    found = interval(camera, 0.1, [0.03] * 10_000)

    assert [moment for moment, _ in found] == pytest.approx([0.1 * n for n in range(len(found))])
    assert len(found) == 1001
    assert [index for _, index in found[:4]] == [0, 3, 6, 9]


def test_moments_that_pass_meanwhile_are_left_out() -> None:
    camera = FakeCamera([n / 100 + 0.001 for n in range(300)], NoMoreFrames())
    found = interval(camera, 0.5, [0.0, 0.9, 0.0])

    assert [moment for moment, _ in found] == [0.0, 0.5, 1.5, 2.0, 2.5]


def test_an_interval_longer_than_idle_gives_the_loop_its_turn() -> None:
    camera = FakeCamera([0.01, 1.8])
    with IntervalTrigger(1.7, Telemetry(), 0.3, clock=camera.clock, sleep=camera.sleep) as trigger:
        outcomes = trigger.trigger_events(camera)
        kinds = [next(outcomes) is None for _ in range(5)]

    assert kinds == [False, True, True, True, False]


def test_an_interval_without_a_frame_is_a_fault() -> None:
    camera = FakeCamera([])
    with IntervalTrigger(1.0, Telemetry(), 0.3, clock=camera.clock, sleep=camera.sleep) as trigger:
        outcome = next(o for o in trigger.trigger_events(camera) if o)

    assert outcome[1].reason.startswith("no frame within 0.3 s of the trigger")


@pytest.mark.parametrize(
    ("payload", "part_id"),
    [
        (b"", None),
        (b" \r\n", None),
        (b"A-17", "A-17"),
        (b" 0042\n", "0042"),
        ("Größe 3".encode(), "Größe 3"),
        (b'{"part_id": "A-17", "more": 1}', "A-17"),
        (b'{"part_id": 42}', "42"),
        (b'{"part_id": ""}', None),
        (b'{"part_id": null}', None),
        (b"{}", None),
        # JSON strings
        (b'"SN-1"', "SN-1"),
        (b' "SN-1"\n', "SN-1"),
        (b'" SN-1 "', "SN-1"),
        (b'""', None),
        (b'"SN \\"1\\""', 'SN "1"'),
        (b'"S\\u004e-1"', "SN-1"),
        (b'"42"', "42"),
        (b'"{\\"sn\\": \\"SN-1\\"}"', "SN-1"),
        (b'"\\"SN-1\\""', "SN-1"),
        # Texts that only look like JSON
        (b'5" pipe', '5" pipe'),
        (b'"SN-1', '"SN-1'),
        (b"'SN-1'", "'SN-1'"),
        (b"[)>06", "[)>06"),
        (b"SN-{1}", "SN-{1}"),
        # Other JSON values
        (b"42", "42"),
        (b"0042", "0042"),
        (b"1e3", "1e3"),
        (b"null", None),
        (b"true", None),
        (b"false", None),
        (b"NULL-7", "NULL-7"),
        # Numbers keep their digits
        (b'{"sn": 12345678901234567890123}', "12345678901234567890123"),
        (b'{"sn": 12.50}', "12.50"),
        (b'{"sn": -0}', "-0"),
        (b'{"sn": NaN}', None),
        # What is not told apart
        (b'{"sn": "A", "SN": "A"}', "A"),
        (b'{"sn": "", "S_N": " A "}', "A"),
        # Precedence; values that are no text are skipped
        (b'{"id": 7, "part_id": "A"}', "A"),
        (b'{"part": "housing", "id": "A"}', "A"),
        (b'{"id": 7, "serial": "A", "barcode": "B"}', "A"),
        (b'{"part_id": null, "sn": "A"}', "A"),
        (b'{"part_id": "", "sn": "A"}', "A"),
        (b'{"part_id": true, "sn": "A"}', "A"),
        (b'{"part_id": ["A"], "sn": "B"}', "B"),
        (b'{"part_id": "A", "data": {"part_id": "B"}}', "A"),
        # Objects in objects
        (b'{"part": {"id": "A"}}', "A"),
        (b'{"partId": {"serial": "A"}}', "A"),
        (b'{"data": {"payload": {"serialNumber": "A"}}}', "A"),
        (b'{"id": null, "body": {"sn": 1}}', "1"),
        (b'{"camera": {"id": 3}}', None),
        (b'{"station": 4, "time": "12:00"}', None),
        (b'{"part_number": "4711-A"}', None),
        (b'{"data": [{"sn": "A"}]}', None),
        # Encodings and what stands around an id
        (b"\xef\xbb\xbfSN-1", "SN-1"),
        (b'\xef\xbb\xbf{"sn": "SN-1"}', "SN-1"),
        (b"\xef\xbb\xbf", None),
        (b"SN-1\r\n\0\0", "SN-1"),
        (b"\0SN-1", "SN-1"),
        (b"\t SN-1 \0 \n", "SN-1"),
        (b"\0\0\0\0", None),
        (b'{"sn": "SN-1\\u0000"}', "SN-1"),
        *(
            (text.encode(name), "SN-1")
            for text in ("SN-1", '"SN-1"', '{"sn": "SN-1"}', "SN-1\n")
            for name in ("utf-16", "utf-16-le", "utf-16-be")
        ),
        (codecs.BOM_UTF16_BE + "Größe 3".encode("utf-16-be"), "Größe 3"),
        (codecs.BOM_UTF16_LE, None),
    ],
)
def test_a_part_id_is_read(payload: bytes, part_id: str | None) -> None:
    assert part_id_of(payload) == part_id


SPELLINGS = (
    *("part_id", "partId", "PartID", "part-id", "PART_ID", "Part Id", "partid", "part.id"),
    *("id", "ID", "Id", "serial", "Serial", "serial_number", "serialNumber", "Serial-Number"),
    *("SERIALNUMBER", "serialNo", "sn", "SN", "S/N", "s_n", "barcode", "BarCode", "bar_code"),
    *("uid", "UID", "uuid", "dmc", "DataMatrix", "qrCode", "workpieceId", "part"),
)


@pytest.mark.parametrize("key", SPELLINGS)
@pytest.mark.parametrize(("value", "part_id"), [('"SN-1"', "SN-1"), ("17", "17")])
def test_a_part_id_has_many_names(key: str, value: str, part_id: str) -> None:
    assert part_id_of(f'{{"time": 1.5, "{key}": {value}}}'.encode()) == part_id


@given(st.text(st.characters(categories=["L", "N", "Pd"]), min_size=1, max_size=50))
def test_an_id_is_the_same_in_every_form(text: str) -> None:
    """Alone, as a JSON string, in an object, in every encoding."""
    assume(text not in ("null", "true", "false"))
    for form in (text, json.dumps(text), json.dumps({"partId": text}, ensure_ascii=False)):
        for name in ("utf-8", "utf-8-sig", "utf-16"):
            assert part_id_of(form.encode(name)) == plain_id(text)


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff",
        b"A\x00B",
        b"A\nB",
        b"A" * (LONGEST + 1),
        b"{",
        b"{" * 100_000,
        b'{"part_id": true}',
        b'{"part_id": ["A"]}',
        b'{"part_id": "A\\u0007"}',
        b'["A"]',
        b'[{"part_id": "A"}]',
        b"[]",
        b'{"sn": "A", "SN": "B"}',
        b'{"sn": 1, "s-n": "2"}',
        b'"A\\u0007"',
        b'"\\ud800"',
        json.dumps("A" * (LONGEST + 1)).encode(),
        json.dumps({"sn": "A" * (LONGEST + 1), "id": "B"}).encode(),
        b'{"sn": ' + b"9" * 5000 + b"}",
        b'{"sn": "A"',
        b"\xff\xfeA",
        b"\xff\xfe\x00\xd8",
        "Größe".encode("latin-1"),
    ],
)
def test_invalid_part_ids_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="part id|part_id"):
        part_id_of(payload)


@given(st.binary())
def test_any_bytes_are_an_id_or_refused(payload: bytes) -> None:
    with contextlib.suppress(ValueError):
        part_id = part_id_of(payload)
        assert part_id is None or plain_id(part_id) == part_id


@pytest.mark.parametrize(
    ("payload", "expected", "state", "why"),
    [
        (b"A", False, "read", None),
        (b"", False, "none", "empty"),
        (b" \r\n\0", False, "none", "empty"),
        (b"", True, "missing", "empty"),
        (b"{}", False, "missing", "absent"),
        (b'{"station": 4}', False, "missing", "absent"),
        (b"null", False, "missing", "absent"),
        (b"true", False, "missing", "absent"),
        (b"{", False, "missing", "unreadable"),
        (b"\xff", False, "missing", "unreadable"),
        (b'{"part_id": true}', False, "missing", "unreadable"),
    ],
)
def test_a_trigger_without_an_id_is_reported(
    payload: bytes, expected: bool, state: str, why: str | None
) -> None:
    telemetry = Telemetry()
    ids = IdReport(telemetry, expected=expected)
    part_id = ids.read_or_none(payload)
    assert (part_id is None) == (state != "read")
    assert telemetry.states()["part ids"].name == state
    counted = {label: n for (name, label), n in telemetry.values().items() if "part_ids" in name}
    assert counted == ({} if why is None else {why: 1})


def test_triggers_without_an_id_do_not_flood_the_log() -> None:
    now_s, reported = [0.0], []
    telemetry = Telemetry(clock=lambda: now_s[0])
    telemetry.on_announced(reported.append)
    ids = IdReport(telemetry)
    for number in range(3600):
        ids.read_or_none(b"{}" if number % 2 else b"A")
        now_s[0] += 1
    assert telemetry.values()["part_ids_missing", "absent"] == 1800
    assert len(reported) <= 1 + BURST + 60
    assert "Trigger: '{}'" in next(c for c in reported if c.state.name == "missing").state.detail


CONFIGS: list[dict[str, Any]] = [
    {"kind": "frame"},
    {"kind": "interval", "period_s": 1.0},
    {"kind": "presence"},
    {"kind": "mqtt", "host": "127.0.0.1", "topic": "t"},
    {"kind": "http"},
    {"kind": "modbus", "host": "127.0.0.1", "coil": 0},
    {"kind": "key"},
]


def test_every_kind_is_opened() -> None:
    assert [config["kind"] for config in CONFIGS] == trigger_kinds()
    for given_config in CONFIGS:
        config = TypeAdapter(TriggerConfig).validate_python(given_config)
        assert callable(open_trigger(config, Telemetry()).trigger_events)


@pytest.mark.parametrize(
    ("module", "blocked", "extra"),
    [
        ("partsight.triggers.mqtt", "paho", "mqtt"),
        ("partsight.sinks.mqtt", "paho", "mqtt"),
        ("partsight.triggers.modbus", "pymodbus", "modbus"),
        ("partsight.sinks.modbus", "pymodbus", "modbus"),
        ("partsight.sinks.webhook", "urllib3", "webhook"),
    ],
)
def test_a_missing_package_gives_one_line(
    module: str, blocked: str, extra: str, run_python: Callable
) -> None:
    done = run_python(
        "-c",
        f"import sys\nsys.modules[{blocked!r}] = None\n"
        "from partsight.errors import EnvironmentFault\n"
        f"try:\n    import {module}\nexcept EnvironmentFault as fault:\n    print(fault)",
    )
    assert f"pip install 'partsight[{extra}]'" in done.stdout, done.stderr


def test_other_triggers_need_no_network_package() -> None:
    code = (
        "import sys\n"
        "import partsight.triggers.frame, partsight.triggers.presence, partsight.triggers.http\n"
        "import partsight.triggers.key, partsight.triggers.external, partsight.sinks.open\n"
        "print({'paho', 'pymodbus', 'urllib3', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
