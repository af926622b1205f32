"""The MQTT sink with a real mosquitto that is killed, refuses, or is another one."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from tests.servers.certificates import Authority, make_authority
from tests.servers.mosquitto import Mosquitto, listen, run_mosquitto
from tests.servers.process import DEADLINE_S, until

from partsight.config.network_sinks import MqttSinkConfig
from partsight.errors import ConfigError, SinkUnavailable
from partsight.sinks.mqtt import MqttSink


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with run_mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path)


def sink_config(port: int, **changes: Any) -> MqttSinkConfig:
    given = {"prefix": "line1", "timeout_s": 5.0, **changes}
    return MqttSinkConfig(kind="mqtt", host="127.0.0.1", port=port, **given)


def rows(count: int, first: int = 1) -> list[dict[str, Any]]:
    return [
        {"seq": seq, "id": f"id-{seq}", "verdict": "reject", "part_id": f"P{seq}"}
        for seq in range(first, first + count)
    ]


def firsts(contents: list[dict[str, Any]]) -> list[int]:
    """What was received, less what came again."""
    return list(dict.fromkeys(row["seq"] for row in contents))


def persist(sink: MqttSink, batch: list[dict[str, Any]], failed: Callable[[], None]) -> None:
    """Deliver like a worker: the same rows again until they are acknowledged."""

    def delivered() -> bool:
        try:
            sink.deliver(batch)
        except SinkUnavailable:
            failed()
            return False
        return True

    until(delivered, "the batch should be acknowledged")


def test_rows_arrive_in_order_with_their_properties(broker: Mosquitto) -> None:
    with listen(broker.port) as listener, MqttSink(sink_config(broker.port)) as sink:
        waiting = rows(100)
        while waiting:
            waiting = waiting[sink.deliver(waiting) :]
        until(lambda: len(listener.contents("line1/verdicts")) >= 100, "100 rows should arrive")

    assert listener.contents("line1/verdicts") == rows(100)
    message = listener.messages[0]
    assert (message.qos, message.retain) == (1, False)
    assert message.properties.ContentType == "application/json"
    assert message.properties.UserProperty == [("id", "id-1"), ("seq", "1"), ("verdict", "reject")]


def test_a_broker_killed_in_the_middle_loses_nothing(broker: Mosquitto) -> None:
    batches = [rows(20, first) for first in range(1, 401, 20)]
    failures: list[int] = []

    def restart() -> None:
        broker.kill()
        broker.start()

    with listen(broker.port, "line1/#") as listener, MqttSink(sink_config(broker.port)) as sink:

        def arrived() -> int:
            return len(firsts(listener.contents("line1/verdicts")))

        for number, batch in enumerate(batches):
            if number in (5, 12):
                # What the broker acknowledged and has not yet passed on dies with it.
                until(lambda: arrived() == 20 * number, "delivered rows should arrive")  # noqa: B023
                broker.save("line1/#")
                broker.pause()  # so that it dies with the batch on its way
                killer = threading.Timer(0.05, restart)
                killer.start()
            persist(sink, batch, lambda number=number: failures.append(number))
            if number in (5, 12):
                killer.join(DEADLINE_S)
        until(lambda: arrived() >= 400, "all should arrive")

    assert firsts(listener.contents("line1/verdicts")) == list(range(1, 401))
    assert set(failures) >= {5, 12}


def test_an_unreachable_broker_is_named_and_found_again(broker: Mosquitto) -> None:
    with MqttSink(sink_config(broker.port)) as sink:
        sink.deliver(rows(1))
        broker.kill()
        for act in (
            lambda: sink.deliver(rows(1)),
            lambda: sink.report({}),
            lambda: sink.report({}),
        ):
            with pytest.raises(SinkUnavailable, match=f"127.0.0.1:{broker.port}: .*sent again"):
                act()
        assert not [each for each in threading.enumerate() if "paho" in each.name]
        broker.start()
        sink.deliver(rows(1))


def test_failures_leave_neither_threads_nor_sockets(broker: Mosquitto) -> None:
    broker.kill()
    gc.collect()  # what other tests left; not again below: nothing may wait for it
    with MqttSink(sink_config(broker.port)) as sink:
        before = threading.active_count(), len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            with pytest.raises(SinkUnavailable):
                sink.deliver(rows(3))
        assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before
        broker.start()
        before = threading.active_count(), len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            with MqttSink(sink_config(broker.port)) as other:
                other.deliver(rows(3))
        assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before


def test_the_status_is_retained_and_says_when_we_part(broker: Mosquitto) -> None:
    status = {"states": {}, "alarms": {"reject_rate": 1.0, "mean_score": 0.0}, "frames": 3.0}
    with MqttSink(sink_config(broker.port)) as sink:
        sink.report(status)
        with listen(broker.port) as late:
            until(lambda: late.messages, "the retained status should come")
        (reported,) = late.contents("line1/status")
        assert late.messages[0].retain
        assert reported["state"] == "online"
        assert reported["alarms"] == ["reject_rate"]
        assert reported["vitals"] == status
    with listen(broker.port) as later:
        until(lambda: later.messages, "the retained status should come")
    assert later.contents("line1/status")[0]["cause"] == "stopped"


def test_a_sink_that_fails_does_not_say_that_the_line_has_stopped(broker: Mosquitto) -> None:
    sink = MqttSink(sink_config(broker.port))
    sink.report({})
    sink.__exit__(RuntimeError, RuntimeError("a fault of ours"), None)
    with listen(broker.port) as later:
        until(
            lambda: (
                "lost" in [reported.get("cause") for reported in later.contents("line1/status")]
            ),
            "the last will should come",
        )


DYING = """
import os, signal, sys
from partsight.config.network_sinks import MqttSinkConfig
from partsight.sinks.mqtt import MqttSink
config = MqttSinkConfig(kind="mqtt", host="127.0.0.1", port=int(sys.argv[1]), prefix="line1")
with MqttSink(config) as sink:
    sink.report({})
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_last_will_reports_a_killed_device(broker: Mosquitto) -> None:
    with listen(broker.port) as listener:
        died = subprocess.run(
            [sys.executable, "-c", DYING, str(broker.port)], check=False, timeout=DEADLINE_S
        )
        until(lambda: len(listener.contents("line1/status")) >= 2, "the will should come")

    assert died.returncode == -signal.SIGKILL
    assert [reported["state"] for reported in listener.contents("line1/status")] == [
        "online",
        "offline",
    ]
    assert listener.contents("line1/status")[1]["cause"] == "lost"


@pytest.fixture
def guarded(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    """TLS, a user, and a list of topics that it may publish to."""
    pair = authority.sign("broker")
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "line", "s3cret"], check=True)
    (tmp_path / "acl").write_text("user line\ntopic readwrite line1/#\n")
    lines = [
        "allow_anonymous false",
        f"password_file {passwords}",
        f"acl_file {tmp_path}/acl",
        f"cafile {authority.certificate}",
        f"certfile {pair.certificate}",
        f"keyfile {pair.key}",
    ]
    with run_mosquitto(tmp_path, lines) as broker:
        yield broker


def guarded_config(
    broker: Mosquitto, authority: Authority, tmp_path: Path, **changes: Any
) -> MqttSinkConfig:
    (tmp_path / "password").write_text("s3cret\n")
    given = {
        "tls": True,
        "ca_file": authority.certificate,
        "username": "line",
        "password_file": tmp_path / "password",
        **changes,
    }
    return sink_config(broker.port, **given)


def test_tls_and_password_are_used(
    guarded: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    with MqttSink(guarded_config(guarded, authority, tmp_path)) as sink:
        sink.deliver(rows(3))
        sink.report({})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ca_file": None}, "CERTIFICATE_VERIFY_FAILED"),
        ({"username": "other"}, "refused the connection: Not authorized"),
        ({"prefix": "line2"}, "refused a message: Not authorized"),
        (
            {"tls": False, "ca_file": None},
            "connection ended|did not answer|not currently connected",
        ),
    ],
    ids=["unknown CA", "unknown user", "topic not allowed", "no TLS"],
)
def test_a_refused_login_is_reported_and_loses_nothing(
    changes: Mapping[str, Any],
    reason: str,
    guarded: Mosquitto,
    authority: Authority,
    tmp_path: Path,
) -> None:
    config = guarded_config(guarded, authority, tmp_path, **changes)
    with MqttSink(config) as sink, pytest.raises(SinkUnavailable, match=reason):
        sink.deliver(rows(1))


def test_insecure_is_possible_and_never_silent(
    guarded: Mosquitto, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = guarded_config(guarded, authority, tmp_path, ca_file=None, insecure=True)
    with MqttSink(config) as sink:
        sink.deliver(rows(1))

    assert "insecure" in caplog.text


def test_a_missing_password_is_a_mistake_of_the_configuration(
    guarded: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    config = guarded_config(guarded, authority, tmp_path)
    (tmp_path / "password").unlink()
    with MqttSink(config) as sink, pytest.raises(ConfigError, match="cannot read password"):
        sink.deliver(rows(1))


def test_a_client_certificate_is_shown(tmp_path: Path, authority: Authority) -> None:
    pair, ours = authority.sign("broker"), authority.sign("device")
    lines = [
        "require_certificate true",
        "use_identity_as_username true",
        f"cafile {authority.certificate}",
        f"certfile {pair.certificate}",
        f"keyfile {pair.key}",
    ]
    with run_mosquitto(tmp_path, lines) as broker:
        known = {"tls": True, "ca_file": authority.certificate}
        shown = {"certificate_file": ours.certificate, "key_file": ours.key}
        with MqttSink(sink_config(broker.port, **known, **shown)) as sink:
            sink.deliver(rows(1))
        with MqttSink(sink_config(broker.port, **known)) as sink, pytest.raises(SinkUnavailable):
            sink.deliver(rows(1))


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = sink_config(silent.getsockname()[1], timeout_s=0.05)
        with MqttSink(config) as sink, pytest.raises(SinkUnavailable, match="did not answer"):
            sink.deliver(rows(1))


def test_a_broker_that_stops_answering_is_given_up(broker: Mosquitto) -> None:
    with MqttSink(sink_config(broker.port, timeout_s=0.3)) as sink:
        persist(sink, rows(1), lambda: None)
        broker.pause()
        with pytest.raises(SinkUnavailable, match="did not answer"):
            sink.deliver(rows(5))
        broker.resume()
        persist(sink, rows(5), lambda: None)


def test_a_listener_gets_json(broker: Mosquitto) -> None:
    odd = [{"seq": 1, "id": "x", "source": "caf\udce9", "scores": {"a": 0.5}, "error": None}]
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    with listen(broker.port, client=client) as listener, MqttSink(sink_config(broker.port)) as sink:
        sink.deliver(odd)
        until(lambda: listener.messages, "the row should arrive")
    assert json.loads(listener.messages[0].payload) == odd[0]
