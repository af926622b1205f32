"""Faults of models while a line runs, with real files, processes and kills."""

from __future__ import annotations

import dataclasses
import functools
import os
import random
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partsight.api import Classifier
from partsight.config.location import PUBLIC_KEY_VARIABLE
from partsight.config.models import ModelsConfig
from partsight.decision.operating_point import OperatingPoint
from partsight.errors import ModelError, SignatureError
from partsight.model.file import attach_contract, load_model_file
from partsight.model.key_files import make_key_pair, read_private_key
from partsight.model.signature import signed
from partsight.model_store.activate import activate_model, start_active
from partsight.model_store.incoming import Incoming
from partsight.model_store.store import ModelStore, activated, digests
from partsight.model_store.watch import ModelWatch
from partsight.qualification.isolated import examine_isolated
from partsight.qualification.load import load_classifier
from partsight.qualification.rules import Rules
from partsight.qualification.trust import TrustPolicy
from partsight.sample_data import write_sample_data
from partsight.telemetry.telemetry import Telemetry

DEADLINE_S = 120.0


@pytest.fixture(scope="module", autouse=True)
def _marks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where it is remembered which models passed their trial; the same for child processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.delenv(PUBLIC_KEY_VARIABLE, raising=False)
        yield


class Line:
    """A loop that inspects frames in order, and takes over offered models."""

    def __init__(
        self, folder: Path, first: bytes, *, key: Path | None = None, **models: Any
    ) -> None:
        self.store, self.telemetry = ModelStore(folder / "store"), Telemetry()
        self.events: list[Mapping[str, Any]] = []
        self.models: list[str] = []
        activate_model(self.store, load_model_file(first), 5)
        trust = TrustPolicy(key)
        load = functools.partial(load_classifier, trust=trust)
        self.classifier = load(first)
        self.watch = ModelWatch(
            self.store,
            self.classifier,
            load,
            self.telemetry,
            rules=Rules(models=ModelsConfig(interval_s=0.02, **models)),
            examine=functools.partial(examine_isolated, trust=trust),
            on_event=lambda kind, detail: self.events.append(detail),
            # A minute of patience passes in under a second.
            clock=lambda: 100 * time.monotonic(),
        )

    def run(self, outcomes: int) -> None:
        """Inspect until this many models were accepted or refused, and ten frames more."""
        frame = np.full((480, 640, 3), 128, np.uint8)
        deadline_s = time.monotonic() + DEADLINE_S
        more = 10
        while more:
            assert time.monotonic() < deadline_s, (self.telemetry.status(), self.events)
            self.classifier = self.watch.poll() or self.classifier
            (prediction,) = self.classifier.classify([frame])
            assert abs(sum(prediction.scores.values()) - 1) < 0.02
            self.models.append(self.classifier.model_sha256)
            more -= len(self.events) >= outcomes

    def drop(self, data: bytes, name: str = "new.tflite") -> None:
        partial = self.store.incoming / f"{name}.part"
        partial.write_bytes(data)
        partial.replace(self.store.incoming / name)


def sha(data: bytes) -> str:
    return load_model_file(data).sha256


@pytest.fixture
def make_line(tmp_path: Path, make_model: Callable[..., bytes]) -> Callable[..., Line]:
    def make(**models: Any) -> Line:
        return Line(tmp_path, make_model("first"), **models)

    return make


def test_a_good_model_is_swapped_in_between_two_frames(
    make_line: Callable[..., Line], make_model: Callable[..., bytes], tmp_path: Path
) -> None:
    write_sample_data(tmp_path / "challenge", 3, 5)
    line = make_line(challenge=tmp_path / "challenge", min_accuracy=0.6, min_recall_of_bad=0.5)
    first, second = sha(make_model("first")), sha(make_model("second"))
    with line.watch:
        line.run(0)
        line.drop(make_model("second"))
        line.run(1)
    assert line.events[0]["outcome"] == "activated", line.events
    assert line.events[0]["challenge_pictures"] == 6
    assert line.events[0]["golden_samples"] == 4
    # Every frame was inspected, by the old one up to a moment and by the new one from there on.
    place = line.models.index(second)
    assert line.models == [first] * place + [second] * (len(line.models) - place)
    assert place > 10
    assert activated(line.store) == [second, first]


def halved(make: Callable[..., bytes], path: Path) -> bytes:
    return make("bad")[:2_000_000]


def damaged(make: Callable[..., bytes], path: Path) -> bytes:
    data = make("bad")
    return data[:9000] + bytes([data[9000] ^ 1]) + data[9001:]


def another_kind(make: Callable[..., bytes], path: Path) -> bytes:
    return b"%PDF-1.7 a data sheet"


def malicious(make: Callable[..., bytes], path: Path) -> bytes:
    """Its digest is right, and its flatbuffer is none."""
    file = load_model_file(make("bad"))
    return attach_contract(file.data[:1_000_000], dataclasses.replace(file.contract, golden=()))


def other_labels(make: Callable[..., bytes], path: Path) -> bytes:
    return make("bad", labels=("defected", "good"), operating_point=OperatingPoint(("good",)))


def other_accept_labels(make: Callable[..., bytes], path: Path) -> bytes:
    return make("bad", operating_point=OperatingPoint(("defected",)))


def other_scores(make: Callable[..., bytes], path: Path) -> bytes:
    golden = load_model_file(make("bad")).contract.golden
    return make("bad", golden=tuple(dataclasses.replace(g, scores=g.scores[::-1]) for g in golden))


def no_golden(make: Callable[..., bytes], path: Path) -> bytes:
    return make("bad", golden=())


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (halved, "damaged|cut off|no whole"),
        (damaged, "is damaged"),
        (another_kind, "is not a TFLite model"),
        (malicious, "not a complete flatbuffer"),
        (other_labels, "other labels than the active one"),
        (other_accept_labels, "other accept labels than the active one"),
        (other_scores, "does not decide here as it did"),
        (no_golden, "no golden samples"),
    ],
)
def test_a_bad_model_is_refused_and_the_old_one_stays_active(
    bad: Callable[[Callable[..., bytes], Path], bytes],
    reason: str,
    make_line: Callable[..., Line],
    make_model: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    line = make_line()
    with line.watch:
        line.drop(bad(make_model, tmp_path))
        line.run(1)
    first = sha(make_model("first"))
    assert [event["outcome"] for event in line.events] == ["refused"]
    assert re.search(reason, line.events[0]["reason"]), line.events
    assert set(line.models) == {first}
    assert activated(line.store) == digests(line.store) == [first]
    assert (line.store.refused / "new.tflite").exists()
    assert line.telemetry.values()["model_swaps", "refused"] == 1
    assert start_active(line.store, Classifier.load)[0] == first


def test_a_file_too_large_for_a_model_is_refused_unread_and_the_good_one_next_to_it_is_taken(
    make_line: Callable[..., Line], make_model: Callable[..., bytes]
) -> None:
    line = make_line()
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with line.watch:
        with (line.store.incoming / "huge.tflite").open("wb") as sparse:
            sparse.truncate(3_000_000_000)
        line.drop(make_model("second"))
        line.run(2)
    assert {each["outcome"] for each in line.events} == {"activated", "refused"}, line.events
    (refused,) = (each for each in line.events if each["outcome"] == "refused")
    assert "3000000000 bytes: expected at most 512 MiB" in refused["reason"]
    assert (line.store.refused / "huge.tflite").stat().st_size == 3_000_000_000
    assert "512 MiB" in (line.store.refused / "huge.tflite.reason.txt").read_text()
    assert activated(line.store)[0] == sha(make_model("second"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 500_000


def test_a_model_that_fails_the_challenge_is_refused(
    make_line: Callable[..., Line], make_model: Callable[..., bytes], tmp_path: Path
) -> None:
    write_sample_data(tmp_path / "challenge", 3, 5)
    (tmp_path / "challenge" / "healthy").rename(tmp_path / "challenge" / "was healthy")
    (tmp_path / "challenge" / "defected").rename(tmp_path / "challenge" / "healthy")
    (tmp_path / "challenge" / "was healthy").rename(tmp_path / "challenge" / "defected")
    line = make_line(challenge=tmp_path / "challenge", min_recall_of_bad=0.9)
    with line.watch:
        line.drop(make_model("second"))
        line.run(1)
    assert "fails the acceptance set: expected recall of bad parts" in line.events[0]["reason"]


@pytest.mark.parametrize("challenge", ["gone", "empty"])
def test_an_unusable_acceptance_set_refuses_every_model(
    challenge: str,
    make_line: Callable[..., Line],
    make_model: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    (tmp_path / "empty" / "healthy").mkdir(parents=True)
    line = make_line(challenge=tmp_path / challenge, min_accuracy=0.1)
    with line.watch:
        line.drop(make_model("second"))
        line.run(1)
    assert line.events[0]["outcome"] == "refused"


def test_with_a_trusted_key_only_signed_models_are_accepted(
    make_model: Callable[..., bytes], tmp_path: Path
) -> None:
    make_key_pair(tmp_path / "line.key")
    key = read_private_key(tmp_path / "line.key")
    first = signed(make_model("first"), key, "it")
    line = Line(tmp_path, first, key=tmp_path / "line.key.pub")
    approved = signed(make_model("second"), key, "it")
    with line.watch:
        line.drop(make_model("second"))
        line.run(1)
        line.drop(approved)
        line.run(2)
    assert [event["outcome"] for event in line.events] == ["refused", "activated"]
    assert "is not signed" in line.events[0]["reason"]
    assert line.models[-1] == sha(approved)


def test_a_crash_of_the_runtime_does_not_stop_the_line(
    make_line: Callable[..., Line], make_model: Callable[..., bytes]
) -> None:
    line = make_line()
    code = "import os; os.write(1, b'ready\\n'); os.kill(os.getpid(), 11)"
    crash = (sys.executable, "-c", code)

    def examine(data: bytes, rules: Rules, stop: threading.Event) -> Any:
        return examine_isolated(data, rules, stop, trust=TrustPolicy(None), command=crash)

    line.watch._examine = examine
    with line.watch:
        line.drop(make_model("second"))
        line.run(1)
    assert "crashed with signal SIGSEGV" in line.events[0]["reason"]


def test_a_slow_copy_is_waited_for(
    make_line: Callable[..., Line], make_model: Callable[..., bytes]
) -> None:
    """Its writer has the final name from the start, and pauses."""
    line, data = make_line(), make_model("second")
    looked = threading.Semaphore(0)
    look = Incoming.look

    def counted(incoming: Incoming) -> Any:
        looked.release()
        return look(incoming)

    with pytest.MonkeyPatch.context() as patch, line.watch:
        patch.setattr(Incoming, "look", counted)
        with (line.store.incoming / "new.tflite").open("wb") as file:
            for part in range(0, len(data), 1 << 20):
                file.write(data[part : part + (1 << 20)])
                file.flush()
                for _ in range(4):
                    assert looked.acquire(timeout=30)
        line.run(1)
    assert [event["outcome"] for event in line.events] == ["activated"]


def test_a_file_that_disappears_is_nothing(
    make_line: Callable[..., Line], make_model: Callable[..., bytes]
) -> None:
    line = make_line()
    with line.watch:
        line.drop(make_model("second"), "gone.tflite")
        (line.store.incoming / "gone.tflite").unlink()
        line.drop(make_model("third"))
        line.run(1)
    assert [event["model"] for event in line.events] == [sha(make_model("third"))]


_TURNS = """
import hashlib, sys
from pathlib import Path
from partsight.model.file import ModelFile
from partsight.model_store.activate import activate_model
from partsight.model_store.store import ModelStore

for turn in range(10**6):
    data = bytes([turn % 7]) * (1 << 18)
    file = ModelFile(data, hashlib.sha256(data).hexdigest(), None)
    activate_model(ModelStore(Path(sys.argv[1])), file, 2)
    print(turn, flush=True)
"""


def test_killed_at_any_moment_the_old_or_the_new_model_is_active(tmp_path: Path) -> None:
    """What a power cut does to the programs; to the disk, see the store's own tests."""
    store, draw = ModelStore(tmp_path / "store"), random.Random(7)
    for _ in range(10):
        process = subprocess.Popen(
            [sys.executable, "-c", _TURNS, str(store.folder)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        turn = -1
        for _ in range(draw.randrange(1, 20)):
            turn = int(process.stdout.readline())
        time.sleep(draw.random() * 0.01)
        process.send_signal(signal.SIGKILL)
        turn = max([turn, *map(int, process.stdout.read().split())])
        process.wait()
        sha256, data, reasons = start_active(store, lambda data: data)
        assert reasons == ()
        assert data[0] in (turn % 7, (turn + 1) % 7)
        assert len(digests(store)) <= 4
        assert len(activated(store)) <= 100


_ON_A_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from partsight.config.location import PUBLIC_KEY_VARIABLE
from partsight.config.models import ModelsConfig
from partsight.errors import OutputError
from partsight.model.file import load_model_file
from partsight.model_store.activate import activate_model
from partsight.model_store.store import ModelStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    activate_model(ModelStore(Path(sys.argv[1])), load_model_file(sys.argv[2]), 5)
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of file sizes")
def test_on_a_full_disk_the_old_model_stays_active(
    tmp_path: Path, make_model: Callable[..., bytes]
) -> None:
    store = ModelStore(tmp_path / "store")
    activate_model(store, load_model_file(make_model("first")), 5)
    new = tmp_path / "new.tflite"
    new.write_bytes(make_model("second"))
    done = subprocess.run(
        [sys.executable, "-c", _ON_A_FULL_DISK, str(store.folder), str(new)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "cannot write" in done.stdout, done
    assert activated(store) == digests(store) == [sha(make_model("first"))]
    assert [path.name for path in (store.folder / "models").iterdir()] == [
        f"{sha(make_model('first'))}.tflite"
    ]


def test_an_active_model_that_rots_on_the_disk_gives_way_at_the_next_start(
    tmp_path: Path, make_model: Callable[..., bytes]
) -> None:
    store = ModelStore(tmp_path / "store")
    for name in ("first", "second"):
        activate_model(store, load_model_file(make_model(name)), 5)
    path = store.model(sha(make_model("second")))
    data = bytearray(path.read_bytes())
    data[1234] ^= 4
    path.write_bytes(data)
    sha256, classifier, reasons = start_active(store, Classifier.load)
    assert sha256 == classifier.model_sha256 == sha(make_model("first"))
    assert "is damaged" in reasons[0]


def test_a_newly_trusted_key_refuses_unsigned_models(
    tmp_path: Path, make_model: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ModelStore(tmp_path / "store")
    activate_model(store, load_model_file(make_model("first")), 5)
    make_key_pair(tmp_path / "line.key")
    monkeypatch.setenv(PUBLIC_KEY_VARIABLE, str(tmp_path / "line.key.pub"))
    with pytest.raises(SignatureError):
        Classifier.load(make_model("first"))
    with pytest.raises(ModelError, match="is not signed"):
        start_active(store, Classifier.load)


def test_two_command_lines_at_once(tmp_path: Path, make_model: Callable[..., bytes]) -> None:
    """Each change is whole; the store's lock keeps one from losing the other's."""
    store = ModelStore(tmp_path / "store")
    code = _TURNS.replace("range(10**6)", "range(int(sys.argv[2]), int(sys.argv[2]) + 3)")
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(store.folder), str(start)], stdout=subprocess.DEVNULL
        )
        for start in (0, 3)
    ]
    assert [process.wait(120) for process in both] == [0, 0]
    assert len(set(activated(store))) == 6
    assert os.path.exists(store.model(activated(store)[0]))


def test_a_place_that_hangs_does_not_hold_the_end_of_the_line_up(
    make_line: Callable[..., Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a share of a server that is away: the read cannot be called off."""
    line, hung, back = make_line(), threading.Event(), threading.Event()

    def hang(incoming: Incoming) -> Any:
        hung.set()
        back.wait(60)
        return []

    monkeypatch.setattr(Incoming, "look", hang)
    monkeypatch.setattr("partsight.model_store.watch._STOP_S", 0.01)
    with line.watch:
        assert hung.wait(30)
        line.run(0)
    assert len(line.models) == 10
    back.set()
