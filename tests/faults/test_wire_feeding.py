"""Delivery from the journal to real servers after outages: complete and in order."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.servers.modbus import run_plc
from tests.servers.mosquitto import listen, run_mosquitto
from tests.servers.process import free_port, until
from tests.servers.web import answer, run_web_server

from partsight.config.network_sinks import ModbusSinkConfig, MqttSinkConfig, WebhookSinkConfig
from partsight.journal import Journal
from partsight.records import PartResult, Verdict
from partsight.sinks.delivery_worker import DeliveryWorker
from partsight.sinks.open import open_line_sink
from partsight.telemetry.telemetry import Telemetry

ROWS = 250


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again, and a status reported, ten times as soon as on a line."""
    monkeypatch.setattr("partsight.sinks.delivery.FIRST_RETRY_S", 0.05)
    monkeypatch.setattr("partsight.sinks.delivery.REPORT_S", 0.1)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as journal:
        yield journal


def append(journal: Journal, count: int, captured_at: datetime | None = None) -> None:
    at = captured_at or datetime.now(timezone.utc)
    for index in range(count):
        result = PartResult(
            f"id-{index}", at, "script", index, "f" * 64, Verdict.ACCEPT, 1.0, "accept"
        )
        journal.append(result.row())


def feeding(journal: Journal, tmp_path: Path, config: Any, telemetry: Telemetry) -> DeliveryWorker:
    return DeliveryWorker(
        config.kind,
        lambda: open_line_sink(config),
        tmp_path / "journal.db",
        journal,
        telemetry,
        start="beginning",
    )


def is_unreachable(telemetry: Telemetry, kind: str) -> Callable[[], bool]:
    return lambda: getattr(telemetry.states().get(f"sink {kind}"), "name", "") == "unreachable"


def test_a_broker_gets_all_rows_after_an_outage(tmp_path: Path, journal: Journal) -> None:
    telemetry = Telemetry()
    with run_mosquitto(tmp_path) as broker:
        config = MqttSinkConfig(kind="mqtt", host="127.0.0.1", port=broker.port)
        with listen(broker.port, "partsight/#") as listener:
            broker.save("partsight/#")
            broker.kill()
            with feeding(journal, tmp_path, config, telemetry):
                append(journal, ROWS)
                until(is_unreachable(telemetry, "mqtt"), "the sink should know")
                broker.start()
                until(lambda: len(listener.contents("partsight/verdicts")) >= ROWS, "all rows")
                until(lambda: listener.contents("partsight/status"), "a status should come")

    assert [row["seq"] for row in listener.contents("partsight/verdicts")] == list(
        range(1, ROWS + 1)
    )
    assert telemetry.values()["delivered", "mqtt"] == ROWS
    status = listener.contents("partsight/status")[0]
    assert status["vitals"]["delivery_failures"]["mqtt"] >= 1


def test_a_web_server_gets_all_rows_after_an_outage(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry = Telemetry()
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    with run_web_server() as web:
        web.respond = answer(503, Retry_After="0")
        config = WebhookSinkConfig(kind="webhook", url=web.url, secret_env="HOOK_SECRET")
        with feeding(journal, tmp_path, config, telemetry):
            append(journal, ROWS)
            until(is_unreachable(telemetry, "webhook"), "the sink should know")
            refused = len(web.posts)
            web.respond = answer(200)
            until(lambda: telemetry.values().get(("delivered", "webhook")) == ROWS, "all rows")

    rows = [row["seq"] for post in web.posts for row in post.json()["verdicts"]]
    assert list(dict.fromkeys(rows)) == list(range(1, ROWS + 1))
    assert refused >= 1


def test_a_plc_that_was_away_sees_no_late_verdict(tmp_path: Path, journal: Journal) -> None:
    telemetry = Telemetry()
    with run_plc() as plc:
        config = ModbusSinkConfig(kind="modbus", host="127.0.0.1", port=plc.port, hold_s=0.0)
        plc.stop()
        with feeding(journal, tmp_path, config, telemetry):
            append(journal, ROWS, datetime(2024, 5, 6, tzinfo=timezone.utc))
            until(is_unreachable(telemetry, "modbus"), "the sink should know")
            plc.start()
            until(lambda: plc.registers(7, 1) == [ROWS], "all rows should be counted late")
            assert plc.coils(0, 3) == [False] * 3
            append(journal, 1)
            until(lambda: plc.registers(9, 1) == [ROWS + 1], "the new one should be shown")
            assert plc.coils(0, 3) == [True, False, False]
            beat = plc.coils(3, 1)
            until(lambda: plc.coils(3, 1) != beat, "the heart should beat")


def watched(telemetry: Telemetry) -> list[str]:
    """The names of all states to come, also of those that are not reported."""
    names: list[str] = []
    telemetry.on_change(lambda part, state: names.append(state.name))
    return names


def tries(telemetry: Telemetry, kind: str) -> float:
    return telemetry.values().get(("delivery_failures", kind), 0)


@pytest.mark.parametrize("rows", [0, 3], ids=["nothing to deliver", "rows wait"])
@pytest.mark.parametrize("kind", ["modbus", "mqtt"])
def test_without_a_receiver_the_sink_stays_unreachable(
    tmp_path: Path, journal: Journal, kind: str, rows: int
) -> None:
    port = free_port()
    config = {
        "modbus": lambda: ModbusSinkConfig(kind="modbus", host="127.0.0.1", port=port),
        "mqtt": lambda: MqttSinkConfig(kind="mqtt", host="127.0.0.1", port=port),
    }[kind]()
    telemetry = Telemetry()
    states = watched(telemetry)
    append(journal, rows)
    with feeding(journal, tmp_path, config, telemetry):
        until(lambda: tries(telemetry, kind) >= 3, "it should be tried again")
    assert states == ["unreachable"]


def test_rows_that_wait_for_the_next_try_are_counted(tmp_path: Path, journal: Journal) -> None:
    config = ModbusSinkConfig(kind="modbus", host="127.0.0.1", port=free_port())
    telemetry = Telemetry()
    with feeding(journal, tmp_path, config, telemetry):
        until(lambda: tries(telemetry, "modbus") >= 1, "it should be tried")
        append(journal, 5)
    assert telemetry.values()["queue", "modbus"] == 5


def test_rows_are_counted_also_where_the_sink_blocks(tmp_path: Path, journal: Journal) -> None:
    telemetry, ended = Telemetry(), threading.Event()

    class Blocked(contextlib.nullcontext[Any]):
        def deliver(self, rows: Any) -> None:
            ended.wait(30)

        def report(self, status: Any) -> bool:
            return False

        def __enter__(self) -> Any:
            return self

    worker = DeliveryWorker(
        "x", Blocked, tmp_path / "journal.db", journal, telemetry, start="beginning"
    )
    worker.start()
    append(journal, 1)
    until(lambda: telemetry.values().get(("queue", "x")) == 1, "it should be tried")
    append(journal, 2)
    assert not worker.close(timeout_s=0.1)
    assert telemetry.values()["queue", "x"] == 3
    ended.set()


def test_a_killed_broker_is_one_outage(tmp_path: Path, journal: Journal) -> None:
    telemetry = Telemetry()
    states = watched(telemetry)
    with run_mosquitto(tmp_path) as broker:
        config = MqttSinkConfig(kind="mqtt", host="127.0.0.1", port=broker.port)
        with feeding(journal, tmp_path, config, telemetry):
            until(lambda: states == ["delivering"], "a status is confirmed")
            broker.kill()
            until(lambda: tries(telemetry, "mqtt") >= 3, "it should be tried again")
            broker.start()
            until(lambda: states[-1] == "delivering", "a status is confirmed again")
    assert states == ["delivering", "unreachable", "delivering"]


def test_a_webhook_is_idle_before_the_first_delivery_and_down_until_the_next(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    telemetry = Telemetry()
    states = watched(telemetry)
    with run_web_server() as web:
        config = WebhookSinkConfig(kind="webhook", url=web.url, secret_env="HOOK_SECRET")
        with feeding(journal, tmp_path, config, telemetry):
            until(lambda: states == ["idle"], "nothing was delivered")
            append(journal, 1)
            until(lambda: states[-1] == "delivering", "a verdict is taken")
            web.respond = answer(404)
            append(journal, 1)
            until(lambda: states[-1] == "unreachable", "a verdict is refused")
            refused = len(web.posts)
    assert states == ["idle", "delivering", "unreachable"]
    assert refused == 2  # the same is sent again only after a minute
