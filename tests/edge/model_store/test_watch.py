"""New models are activated between two frames or refused; the old one runs meanwhile."""

from __future__ import annotations

import math
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from partsight.api import Classifier
from partsight.config.decision import DecisionConfig
from partsight.config.models import ModelsConfig
from partsight.errors import ContractError, EnvironmentFault, ModelError, OutputError
from partsight.inference.runtimes import RuntimeOptions
from partsight.model.file import load_model_file
from partsight.model_store.activate import activate_model, roll_back
from partsight.model_store.history import read_history
from partsight.model_store.incoming import PATIENCE_S, SETTLED_S
from partsight.model_store.start import Load, start
from partsight.model_store.store import ModelStore, activated
from partsight.model_store.watch import ModelWatch
from partsight.qualification.isolated import Stopped, examine_isolated
from partsight.qualification.rules import ExaminationRequest, Findings, Rules
from partsight.qualification.trust import TrustPolicy
from partsight.telemetry.telemetry import Telemetry

TRUST = TrustPolicy(None)


class Bench:
    """A watch whose turns and time are the test's, with real models but no real examination."""

    def __init__(self, folder: Path, first: bytes, **options: Any) -> None:
        self.store, self.telemetry, self.now_s = ModelStore(folder / "store"), Telemetry(), 0.0
        self.events: list[Mapping[str, Any]] = []
        self.rules: list[Rules] = []
        self.verdict: Exception | None = None
        activate_model(self.store, load_model_file(first), 5)
        self.watch = ModelWatch(
            self.store,
            self.load(first),
            self.load,
            self.telemetry,
            on_event=lambda kind, detail: self.events.append({"kind": kind, **detail}),
            clock=lambda: self.now_s,
            examine=self.examine,
            **options,
        )
        self.store.incoming.mkdir()

    def load(self, data: bytes) -> Classifier:
        return Classifier.load(data, trusted=True)

    def examine(self, data: bytes, rules: Rules, stop: threading.Event) -> Findings:
        self.rules.append(rules)
        if self.verdict is not None:
            raise self.verdict
        return Findings(4, 0.25)

    def drop(self, data: bytes, name: str = "new.tflite") -> Path:
        path = self.store.incoming / name
        path.write_bytes(data)
        return path

    def turns(self, after_s: float = SETTLED_S) -> None:
        self.watch.turn()
        self.now_s += after_s
        self.watch.turn()

    def counts(self) -> dict[str, float]:
        values = self.telemetry.values()
        return {label: n for (name, label), n in values.items() if name == "model_swaps"}

    def candidate(self) -> tuple[str, str]:
        state = self.telemetry.states()["model candidate"]
        return state.name, state.detail


@pytest.fixture(scope="module")
def first(make_model: Callable[..., bytes]) -> bytes:
    return make_model("first")


@pytest.fixture(scope="module")
def second(make_model: Callable[..., bytes]) -> bytes:
    return make_model("second")


@pytest.fixture
def bench(tmp_path: Path, first: bytes) -> Bench:
    return Bench(tmp_path, first)


def sha(data: bytes) -> str:
    return load_model_file(data).sha256


def test_nothing_new_is_nothing(bench: Bench) -> None:
    bench.turns()
    assert bench.watch.poll() is None
    assert bench.events == []
    assert bench.counts() == {}


def test_a_good_model_is_activated(bench: Bench, first: bytes, second: bytes) -> None:
    path = bench.drop(second)
    bench.turns()
    classifier = bench.watch.poll()
    assert classifier is not None
    assert classifier.model_sha256 == sha(second)
    assert bench.watch.poll() is None
    assert activated(bench.store) == [sha(second), sha(first)]
    assert not path.exists()
    assert bench.counts() == {"activated": 1}
    assert bench.telemetry.states()["model"].name == "running"
    (event,) = bench.events
    assert event == {"kind": "model", "outcome": "activated", "model": sha(second),
                     "before": sha(first), "product": None, "product_before": None,
                     "from": str(path), "by": "the line", "golden_samples": 4,
                     "golden_difference": 0.25, "challenge_pictures": 0}  # fmt: skip
    bench.turns()
    assert bench.watch.poll() is None


def test_a_new_model_must_have_the_labels_of_the_active_one(
    bench: Bench, second: bytes, make_model: Callable[..., bytes]
) -> None:
    bench.drop(second)
    bench.turns()
    assert bench.rules == [Rules(labels=("defected", "healthy"), accept_labels=("healthy",))]
    bench.watch.rules = free = Rules(models=ModelsConfig(allow_other_labels=True))
    bench.drop(make_model("third"))
    bench.turns()
    assert bench.rules[1:] == [free]


@pytest.mark.parametrize("error", [ModelError("it is bad"), ContractError("other labels")])
def test_a_bad_model_is_refused_with_its_reason(
    error: Exception, bench: Bench, first: bytes, second: bytes
) -> None:
    bench.verdict = error
    bench.drop(second)
    bench.turns()
    assert bench.watch.poll() is None
    assert activated(bench.store) == [sha(first)]
    assert bench.counts() == {"refused": 1}
    assert bench.candidate()[0] == "refused"
    assert str(error) in bench.candidate()[1]
    assert bench.events[0]["outcome"] == "refused"
    assert bench.events[0]["reason"] == str(error)
    assert (bench.store.refused / "new.tflite").read_bytes() == second
    assert (bench.store.refused / "new.tflite.reason.txt").read_text() == f"{error}\n"
    assert read_history(bench.store)[-1]["what"] == "refused"


def test_a_second_bad_model_is_reported_too(bench: Bench, second: bytes) -> None:
    reported = []
    bench.telemetry.on_change(lambda part, state: reported.append(state.name))
    bench.verdict = ModelError("it is bad")
    for name in ("a.tflite", "b.tflite"):
        bench.drop(second, name)
        bench.turns()
    assert reported == ["examining", "refused"] * 2


def test_a_qualified_model_that_cannot_be_loaded_is_refused(
    bench: Bench, first: bytes, second: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(data: bytes) -> Classifier:
        raise ModelError("no memory for it")

    monkeypatch.setattr(bench.watch, "_load", fail)
    bench.drop(second)
    bench.turns()
    assert bench.counts() == {"refused": 1}
    assert activated(bench.store) == [sha(first)]


def test_two_new_models_are_activated_in_order(
    bench: Bench, first: bytes, second: bytes, make_model: Callable[..., bytes]
) -> None:
    third = make_model("third")
    bench.drop(second, "z.tflite")
    bench.drop(third, "a.tflite")
    import os

    os.utime(bench.store.incoming / "z.tflite", (1, 1))
    bench.turns()
    classifier = bench.watch.poll()
    assert classifier is not None
    assert classifier.model_sha256 == sha(third)
    assert activated(bench.store) == [sha(third), sha(second), sha(first)]
    assert [event["before"] for event in bench.events] == [sha(first), sha(second)]


def test_a_copy_of_the_active_model_is_deleted(bench: Bench, first: bytes) -> None:
    path = bench.drop(first)
    bench.turns()
    assert bench.watch.poll() is None
    assert not path.exists()
    assert bench.rules == []


def test_an_activation_by_the_command_line_is_followed(
    bench: Bench, first: bytes, second: bytes
) -> None:
    activate_model(bench.store, load_model_file(second), 5)
    bench.watch.turn()
    classifier = bench.watch.poll()
    assert classifier is not None
    assert classifier.model_sha256 == sha(second)
    roll_back(bench.store, lambda data: None)
    bench.watch.turn()
    classifier = bench.watch.poll()
    assert classifier is not None
    assert classifier.model_sha256 == sha(first)
    assert [event["outcome"] for event in bench.events] == ["activated"] * 2


def test_a_pointer_to_a_bad_model_is_refused_once(
    bench: Bench, second: bytes, first: bytes
) -> None:
    activate_model(bench.store, load_model_file(second), 5)
    path = bench.store.model(sha(second))
    path.write_bytes(b"torn")
    for _ in range(3):
        bench.watch.turn()
    assert bench.watch.poll() is None
    assert bench.counts() == {"refused": 1}
    assert "is damaged" in bench.events[0]["reason"]


def test_a_full_disk_postpones_the_model(
    bench: Bench, first: bytes, second: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OutputError("cannot write: No space left on device")

    monkeypatch.setattr("partsight.model_store.activate.add", full)
    path = bench.drop(second)
    bench.turns()
    assert bench.watch.poll() is None
    assert path.exists()
    assert activated(bench.store) == [sha(first)]
    assert bench.candidate()[0] == "postponed"
    monkeypatch.undo()
    bench.turns(PATIENCE_S)
    assert bench.watch.poll() is not None
    assert bench.counts() == {"postponed": 1, "activated": 1}


def test_a_watched_file_that_was_rolled_back_does_not_come_again(
    tmp_path: Path, first: bytes, second: bytes
) -> None:
    delivered = tmp_path / "delivered.tflite"
    delivered.write_bytes(second)
    bench = Bench(tmp_path, first, incoming=delivered)
    bench.turns()
    assert bench.watch.poll() is not None
    assert delivered.exists()
    roll_back(bench.store, lambda data: None)
    again = Bench.__new__(Bench)
    shutil.rmtree(bench.store.incoming)
    again.__init__(tmp_path, first, incoming=delivered)  # type: ignore[misc]
    again.turns()
    assert again.watch.poll() is None
    assert again.rules == []


def test_an_unexpected_error_does_not_end_the_watch(
    bench: Bench, second: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise RuntimeError("a bug")

    bench.watch.rules = Rules(models=ModelsConfig(interval_s=0.001))
    monkeypatch.setattr(bench.watch, "_follow_pointer", fail)
    with bench.watch:
        assert failed.wait(30)
        monkeypatch.undo()
        activate_model(bench.store, load_model_file(second), 5)
        assert poll(bench.watch).model_sha256 == sha(second)


def poll(watch: ModelWatch) -> Classifier:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        classifier = watch.poll()
        if classifier is not None:
            return classifier
        time.sleep(0.01)
    raise AssertionError("no model was offered")


def test_leaving_gives_an_examination_up(bench: Bench, second: bytes, first: bytes) -> None:
    begun = threading.Event()

    def examine(data: bytes, rules: Rules, stop: threading.Event) -> Findings:
        begun.set()
        assert stop.wait(30)
        raise Stopped

    bench.watch._examine = examine
    bench.watch.rules = Rules(models=ModelsConfig(interval_s=0.001))
    bench.watch._incoming.clock = time.monotonic
    bench.drop(second)
    list(bench.watch._incoming.look())
    seen = next(iter(bench.watch._incoming._seen.values()))
    seen.since_s -= SETTLED_S
    with bench.watch:
        assert begun.wait(30)
    assert activated(bench.store) == [sha(first)]
    assert (bench.store.incoming / "new.tflite").exists()


def stand_in(code: str) -> tuple[str, ...]:
    ready = "sys.stdout.write('ready\\n'); sys.stdout.flush()"
    return (sys.executable, "-c", f"import os, sys; {ready}; {code}")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("sys.stdin.buffer.read(); print('{\"golden_samples\": 3}')", None),
        ("sys.stdin.close(); print('{}')", None),
        ("sys.stdin.buffer.read(); print('no good', end=''); sys.exit(3)", "^no good$"),
        ("os.abort()", "crashed with signal SIGABRT"),
        ("sys.exit(1)", "crashed with status 1"),
    ],
)
def test_the_isolated_process_answers_or_crashes(code: str, message: str | None) -> None:
    data = bytes(1 << 20)
    if message is None:
        examine_isolated(data, Rules(), trust=TRUST, command=stand_in(code))
        return
    with pytest.raises(ModelError, match=message):
        examine_isolated(data, Rules(), trust=TRUST, command=stand_in(code))


def test_a_process_that_cannot_be_started_is_reported() -> None:
    with pytest.raises(EnvironmentFault, match="cannot start the process that examines the model"):
        examine_isolated(b"", Rules(), trust=TRUST, command=("/nowhere/python",))


def test_a_missing_resource_is_not_blamed_on_the_model(bench: Bench, second: bytes) -> None:
    bench.verdict = EnvironmentFault("no memory")
    path = bench.drop(second)
    bench.turns()
    assert path.exists()
    assert bench.candidate()[0] == "postponed"


def test_an_unreadable_pointer_is_reported_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.store.active.unlink()
    bench.store.active.mkdir()
    failed = threading.Semaphore(0)
    turn = bench.watch.turn

    def counted() -> None:
        failed.release()
        turn()

    bench.watch.turn = counted  # type: ignore[method-assign]
    bench.watch.rules = Rules(models=ModelsConfig(interval_s=0.001))
    with bench.watch:
        for _ in range(3):
            assert failed.acquire(timeout=30)
    assert caplog.text.count("cannot read which model is active") == 1


def test_the_process_aside_is_not_waited_for_for_ever() -> None:
    hang = stand_in("import time; time.sleep(600)")
    with pytest.raises(ModelError, match="takes too long"):
        examine_isolated(bytes(1 << 20), Rules(), trust=TRUST, command=hang, timeout_s=0)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        examine_isolated(b"", Rules(), stop, trust=TRUST, command=hang)


def test_the_examination_process_gets_the_whole_request(tmp_path: Path) -> None:
    models = ModelsConfig(
        store=tmp_path / "store",
        challenge=tmp_path / "c",
        min_accuracy=0.5,
        min_recall_of_bad=0.75,
        require_golden=False,
        interval_s=math.inf,
    )
    decision = DecisionConfig(accept_above=0.8, reject_below=0.2, votes=2, window=3)
    rules = Rules(
        models=models, decision=decision, bit_depth=12, labels=("a", "b"), accept_labels=("b",)
    )
    options, trust = RuntimeOptions("litert", 3), TrustPolicy(tmp_path / "line.pub")
    request = ExaminationRequest(rules=rules, runtime=options, trust=trust)
    assert ExaminationRequest.model_validate_json(request.model_dump_json()) == request


@pytest.fixture(autouse=True)
def _no_threads_stay() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() <= before


def test_a_full_journal_does_not_undo_a_swap(
    bench: Bench, second: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(kind: str, detail: Mapping[str, Any]) -> None:
        raise OutputError("no room")

    monkeypatch.setattr(bench.watch._report, "_on_event", full)
    bench.drop(second)
    bench.turns()
    assert bench.watch.poll() is not None
    assert bench.counts() == {"activated": 1}


class Started:
    """A start, with its telemetry and events."""

    def __init__(self, store: ModelStore, load: Load | None = None, **options: Any) -> None:
        self.telemetry, self.events = Telemetry(), []  # type: tuple[Telemetry, list[Mapping[str, Any]]]
        self.classifier = start(
            store,
            load or (lambda data: Classifier.load(data, trusted=True)),
            self.telemetry,
            lambda kind, detail: self.events.append({"kind": kind, **detail}),
            **options,
        )


def test_a_line_starts_with_the_active_model(tmp_path: Path, first: bytes, second: bytes) -> None:
    store, given = ModelStore(tmp_path / "store"), tmp_path / "given.tflite"
    given.write_bytes(first)
    started = Started(store, first=given)
    assert started.classifier.model_sha256 == sha(first) == activated(store)[0]
    activate_model(store, load_model_file(second), 5)
    started = Started(store, first=given)
    assert started.classifier.model_sha256 == sha(second)
    assert started.telemetry.states()["model"].name == "running"
    assert started.events == []


def test_a_line_falls_back_to_the_previous_model_at_its_start(
    tmp_path: Path, first: bytes, second: bytes
) -> None:
    store = ModelStore(tmp_path / "store")
    for data in (first, second):
        activate_model(store, load_model_file(data), 5)
    store.model(sha(second)).write_bytes(b"torn")
    started = Started(store)
    assert started.classifier.model_sha256 == sha(first)
    assert started.telemetry.states()["model"].name == "fallback"
    assert started.telemetry.values()["model_swaps", "fallback"] == 1
    (event,) = started.events
    assert (event["kind"], event["outcome"], event["model"]) == ("model", "fallback", sha(first))
    assert "is damaged" in event["reason"]


def test_a_line_without_any_model_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model can be started"):
        Started(ModelStore(tmp_path / "store"))
    with pytest.raises(ModelError, match="cannot read the model"):
        Started(ModelStore(tmp_path / "store"), first=tmp_path / "lost.tflite")


def test_a_first_model_that_decides_otherwise_here_is_not_activated(
    tmp_path: Path, first: bytes, moved: Callable[[float], bytes]
) -> None:
    store, given = ModelStore(tmp_path / "store"), tmp_path / "given.tflite"
    given.write_bytes(moved(0.5))
    with pytest.raises(ModelError, match="does not decide here"):
        Started(store, load=Classifier.load, first=given)
    given.write_bytes(first)
    assert Started(store, load=Classifier.load, first=given).classifier.model_sha256 == sha(first)
