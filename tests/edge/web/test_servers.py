"""What the tests do where a real server is not installed."""

from __future__ import annotations

import pytest
from tests.servers.process import find_program


@pytest.mark.parametrize(
    ("required", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_a_missing_server_is_named(
    required: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTSIGHT_REQUIRE_SERVERS", required)
    with pytest.raises(outcome, match="no-such-broker is not installed; .*apt-get install no-such"):
        find_program("no-such-broker", "no-such")


def test_one_that_is_there_is_found() -> None:
    assert find_program("sh", "dash").endswith("/sh")
