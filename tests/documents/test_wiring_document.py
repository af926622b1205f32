"""docs/wiring.md says what the code does."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import tomlkit

from partsight.config.document import Config
from partsight.sinks import delivery as pump
from partsight.sinks.modbus import COILS, COUNTS
from partsight.sinks.webhook_signature import sign
from partsight.telemetry.readiness import RULES
from partsight.triggers import trigger_kinds
from partsight.triggers.part_id import KEYS, WRAPPERS

TEXT = (Path(__file__).parents[2] / "docs" / "wiring.md").read_text("utf-8")


def test_its_configurations_are_read() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        Config.model_validate(tomlkit.parse(block).unwrap())


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


def test_its_list_of_what_makes_the_line_not_ready_is_that_of_the_code() -> None:
    section = TEXT.partition("## Is the line ready?")[2]
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \| (.*) \|$", section, re.M)
    assert [(part, tuple(re.findall("`(.*?)`", states)), why) for part, states, why in rows] == [
        (rule.component, rule.ready, rule.reason) for rule in RULES
    ]


def test_its_keys_of_part_ids_are_those_that_are_read_in_their_order() -> None:
    row = next(line for line in TEXT.splitlines() if line.startswith('| `{"partId"'))
    assert tuple(re.findall("`([a-z_/]+)`", row)) == KEYS
    row = next(line for line in TEXT.splitlines() if line.startswith('| `{"data"'))
    assert tuple(re.findall("`([a-z_/]+)`", row)) == WRAPPERS


def test_it_names_every_state_of_a_sink() -> None:
    named = re.findall(r"^\| `(\w+)` \| ", TEXT.partition("## States of a sink")[2], re.M)[:5]
    assert named == re.findall(r"^    (\w+) {2,}", pump.__doc__ or "", re.M)


def test_it_names_every_trigger() -> None:
    for kind in trigger_kinds():
        assert f"`{kind}`" in TEXT or f'kind = "{kind}"' in TEXT
