"""What all tests share."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Tests run in one process per core: threads of the numeric libraries would only wait for each
# other. Set before these are loaded; child processes inherit it.
for _library in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ.setdefault(_library, "1")

# A busy machine is no failure of a test.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")

from partsight.model.contract import GoldenSample  # noqa: E402
from partsight.model.file import attach_contract, load_model_file  # noqa: E402
from partsight.utils.known_secrets import known_secrets  # noqa: E402


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Undo changes of the environment and of the umask by a command that ran in this process."""
    before, umask = dict(os.environ), os.umask(0o022)
    os.umask(umask)
    yield
    os.umask(umask)
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session", autouse=True)
def _one_trial() -> Iterator[None]:
    """A model that is new is run in one process before it is loaded, not in three.

    Three runs find more malicious files; tests about those use ``three_trials``.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("partsight.qualification.trial._TRIALS", 1)
        yield


@pytest.fixture
def three_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is new is run in as many processes as on a device."""
    monkeypatch.setattr("partsight.qualification.trial._TRIALS", 3)


@pytest.fixture(scope="session")
def model_path() -> Path:
    """The ready model: labels defected and healthy, 224 x 224, int8."""
    return Path(__file__).parents[1] / "models" / "sample-parts-int8.tflite"


@pytest.fixture(scope="session")
def make_model(model_path: Path) -> Callable[..., bytes]:
    """The ready model under another name, and so another digest, or with another contract."""
    file = load_model_file(model_path)
    with zipfile.ZipFile(io.BytesIO(file.data)) as tail:
        members = {sample.file: tail.read(sample.file) for sample in file.contract.golden}
        size = json.loads(tail.read("partsight.json"))["model_bytes"]

    def make(name: str, **changes: Any) -> bytes:
        provenance = {**file.contract.provenance, "name": name}
        contract = dataclasses.replace(file.contract, provenance=provenance, **changes)
        return attach_contract(file.data[:size], contract, members)

    return make


@pytest.fixture(scope="session")
def moved(make_model: Callable[..., bytes], model_path: Path) -> Callable[[float], bytes]:
    """The ready model, as if one of its golden samples had got other scores at export."""

    def make(by: float) -> bytes:
        first, *others = load_model_file(model_path).contract.golden
        return make_model("moved", golden=(_moved(first, by), *others))

    return make


def _moved(sample: GoldenSample, by: float) -> GoldenSample:
    away = by if sample.scores[0] < 0.5 else -by
    return dataclasses.replace(sample, scores=(sample.scores[0] + away, sample.scores[1] - away))


@pytest.fixture(autouse=True)
def _no_known_secrets() -> Iterator[None]:
    """No test hides what another one remembered as a secret."""
    yield
    known_secrets.clear()
