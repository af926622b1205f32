"""Only requests to a name of this device are answered."""

from __future__ import annotations

import pytest

from partsight.web.answers import Refusal
from partsight.web.own_host import require_own_host


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Line-3")


@pytest.mark.parametrize(
    "field",
    [
        *(None, "localhost", "LOCALHOST:8614", "127.0.0.1:8614", "[::1]:8614", "10.0.0.7"),
        *("line-3", "line-3.local:8614", "camera.plant.example", "camera.plant.example.:8601"),
    ],
)
def test_a_name_of_this_device_is_allowed(field: str | None) -> None:
    require_own_host(field, "camera.plant.example")


@pytest.mark.parametrize(
    "field",
    [
        *("evil.example", "evil.example:8614", "localhost.evil.example", "127.0.0.1.evil.example"),
        *("line-3.evil.example", "", "[evil]", "localhost@evil.example"),
    ],
)
def test_another_name_is_refused(field: str) -> None:
    with pytest.raises(Refusal, match="expected an IP address"):
        require_own_host(field, "0.0.0.0")
