"""docs/wiring.md says what the code does."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import tomlkit

from partsight.config.document import Config
from partsight.sinks.modbus import COILS, COUNTS
from partsight.sinks.webhook_signature import sign
from partsight.triggers import trigger_kinds

TEXT = (Path(__file__).parents[2] / "docs" / "wiring.md").read_text("utf-8")


def test_its_configurations_are_read() -> None:
    text = re.sub(r"```python.*?```", "", TEXT, flags=re.DOTALL)
    blocks = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    assert len(blocks) == 4
    for block in blocks:
        Config.model_validate(tomlkit.parse(re.sub("^ +", "", block, flags=re.M)).unwrap())


def test_its_receiver_tells_who_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(code, names)
    is_genuine = names["is_genuine"]
    now = int(time.time())

    assert is_genuine("secret", sign("secret", now, b"body"), b"body")
    assert not is_genuine("secret", sign("secret", now, b"body"), b"other")
    assert not is_genuine("secret", sign("other", now, b"body"), b"body")
    assert not is_genuine("secret", sign("secret", now - 1000, b"body"), b"body")
    assert not is_genuine("secret", "", b"body")


def test_its_map_is_that_of_the_sink() -> None:
    rows = re.findall(r"^\| (?:`(?:coils|registers)` )?\+ (\d+)(?:, \d+)? \| (\w+)", TEXT, re.M)
    assert rows[: len(COILS)] == [(str(n), name) for n, name in enumerate(COILS)]
    counts = [("accepted", "rejected", "reviewed")[n] if n < 3 else c for n, c in enumerate(COUNTS)]
    registers = [*counts, "sequence", "echo"]
    assert rows[len(COILS) :] == [(str(2 * n), name) for n, name in enumerate(registers)]


def test_it_names_every_trigger() -> None:
    for kind in trigger_kinds():
        assert f"`{kind}`" in TEXT or f'kind = "{kind}"' in TEXT
