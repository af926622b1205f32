"""What the sections of sinks and triggers take, and what they refuse with a line that helps."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import pytest

from partsight.config.file import read_config
from partsight.config.health import HealthConfig
from partsight.config.secret import optional_secret, read_secret
from partsight.errors import ConfigError

GOOD = """
[trigger]
kind = "presence"
fire = "centred"
zone = [0.25, 0, 0.75, 1.0]

[[sinks]]
kind = "mqtt"
host = "broker.plant"
tls = true
ca_file = "ca.pem"
username = "line1"
password_env = "MQTT_PASSWORD"

[[sinks]]
kind = "webhook"
name = "mes"
url = "https://mes.plant/verdicts"
secret_file = "mes.secret"

[[sinks]]
kind = "modbus"
host = "10.0.0.7"
coils = 100
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "partsight.toml"
    path.write_text(text)
    return path


def test_sections_are_read_and_their_files_lie_beside_the_configuration(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, GOOD))
    mqtt, webhook, modbus = config.sinks

    assert config.trigger.zone == (0.25, 0, 0.75, 1)
    assert (mqtt.ca_file, mqtt.port, mqtt.prefix) == (tmp_path / "ca.pem", None, "partsight")
    assert (webhook.name, webhook.secret_file) == ("mes", tmp_path / "mes.secret")
    assert (modbus.coils, modbus.port, modbus.max_age_s) == (100, 502, 5.0)


def test_without_a_section_every_frame_is_judged(tmp_path: Path) -> None:
    assert read_config(written(tmp_path, "")).trigger.kind == "frame"


MQTT = {"kind": "mqtt", "host": "b"}
WEBHOOK = {"kind": "webhook", "url": "https://h/", "secret_env": "S"}
MODBUS = {"kind": "modbus", "host": "p"}


@pytest.mark.parametrize(
    ("sink", "message"),
    [
        ({**MQTT, "prefix": "a/#"}, "prefix"),
        ({**MQTT, "prefix": "/a"}, "prefix"),
        ({**MQTT, "prefix": "a/"}, "prefix"),
        ({**MQTT, "port": 0}, "port"),
        ({**MQTT, "password": "secret"}, "password is unknown. Did you mean password_"),
        ({**MQTT, "password_env": "A"}, "a password needs a username"),
        ({**MQTT, "username": "u", "password_env": "A", "password_file": "b"}, "given twice"),
        ({**MQTT, "ca_file": "ca.pem"}, "have no effect without tls"),
        ({**MQTT, "insecure": True}, "have no effect without tls"),
        ({**MQTT, "tls": True, "key_file": "k"}, "needs certificate_file"),
        ({**WEBHOOK, "url": "ftp://h/"}, "must start with https://"),
        ({**WEBHOOK, "url": "https:///x"}, "must start with https://"),
        ({**WEBHOOK, "url": "http://h/"}, "set insecure to send verdicts unencrypted"),
        ({**WEBHOOK, "url": "https://u:p4ss@h/"}, "must not contain user and password"),
        ({**WEBHOOK, "url": "https://u:a#pw@h/x"}, "must not contain user and password"),
        ({**WEBHOOK, "url": "https://h/x#part"}, "must not contain #"),
        ({**WEBHOOK, "url": "https://u:a/pw@h/x"}, "must not contain user and password"),
        ({**WEBHOOK, "url": "https://h:99999/x"}, "not a usable URL"),
        ({**WEBHOOK, "url": "https://h:x/"}, "not a usable URL"),
        ({**WEBHOOK, "url": "https://h:0/"}, "needs a port from 1 to 65535"),
        ({**WEBHOOK, "url": "https://h/a b"}, "spaces"),
        ({**WEBHOOK, "url": "https://h_/, x/"}, "spaces"),
        ({**WEBHOOK, "url": "https://[::1/x"}, "not a usable URL"),
        ({**MQTT, "host": "mqtt://broker.plant"}, "must be a host name or IP address"),
        ({**MQTT, "host": "broker:1883"}, "must be a host name or IP address"),
        ({**MQTT, "host": "u@broker"}, "must be a host name or IP address"),
        ({**MQTT, "host": "b roker"}, "must be a host name or IP address"),
        ({**MODBUS, "host": "127.0.0.1:5999"}, "must be a host name or IP address"),
        ({**MODBUS, "host": "192.168.1.256"}, "must be a host name or IP address"),
        ({**MODBUS, "host": "192.168.1"}, "must be a host name or IP address"),
        ({"kind": "webhook", "url": "https://h/"}, "needs secret_env or secret_file"),
        ({**WEBHOOK, "secret_file": "s"}, "given twice"),
        ({**MODBUS, "coils": 65536}, "coils"),
        ({**MODBUS, "coil": 1}, "coil is unknown. Did you mean coils?"),
        ({**MODBUS, "hold_s": -1}, "hold_s"),
    ],
)
def test_a_wrong_sink_is_refused(sink: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, _toml("[[sinks]]", sink)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ({"kind": "key", "kinds": 1}, "kinds is unknown. Did you mean kind?"),
        ({"kind": "nothing"}, "nothing"),
        ({"kind": "interval"}, "period_s"),
        ({"kind": "interval", "period_s": 0}, "period_s"),
        ({"kind": "presence", "zone": [0.5, 0, 0.5, 1]}, "left < right"),
        ({"kind": "presence", "zone": [0, 0, 1]}, "zone"),
        ({"kind": "presence", "zone": [0, 0, 1, 2]}, "zone"),
        ({"kind": "http", "host": "0.0.0.0"}, "needs token_env or token_file"),
        ({"kind": "http", "token_env": "A", "token_file": "b"}, "given twice"),
        ({"kind": "modbus", "host": "p"}, "coil"),
        ({"kind": "mqtt", "host": "b"}, "topic"),
    ],
)
def test_a_wrong_trigger_is_refused(trigger: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, _toml("[trigger]", trigger)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://[::1]/", "http://localhost/"])
def test_this_very_device_needs_no_encryption(url: str, tmp_path: Path) -> None:
    read_config(written(tmp_path, _toml("[[sinks]]", {**WEBHOOK, "url": url})))


def _toml(header: str, table: dict[str, Any]) -> str:
    def value(each: Any) -> str:
        return str(each).lower() if isinstance(each, bool) else repr(each)

    return "\n".join([header, *(f"{key} = {value(each)}" for key, each in table.items())])


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b"s3cret \r\n\n", "s3cret"),
        (b" s3 cret\t\n", " s3 cret"),
        (b"\xef\xbb\xbfs3cret\n", "s3cret"),
        ("s3cr\u00e9t\r\n".encode("utf-16"), "s3cr\u00e9t"),
        (codecs.BOM_UTF16_BE + "s3cret".encode("utf-16-be"), "s3cret"),
        ("s3cret".encode("utf-32"), "s3cret"),
    ],
)
def test_a_secret_is_read_as_any_editor_writes_it(
    content: bytes, secret: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)

    assert read_secret("password", None, file) == secret
    assert read_secret("password", "NAME", None, {"NAME": secret}) == secret


@pytest.mark.parametrize(
    ("env", "content", "message"),
    [
        (None, None, "expected password_env, .* or password_file, .* Received neither"),
        ("NAME", "s", "given twice"),
        ("NAME", None, "the environment variable NAME is empty or not set"),
        (None, "\n", "secret is empty"),
        (None, "\udcff", "expected one line of text in UTF-8"),
        (None, "user\nhunter2\n", "expected one line of text"),
        (None, "h\0u\0", "expected one line of text"),
        ("hunter2", None, r"the environment variable \*\*\* is empty or not set"),
        (None, "", "secret is empty"),
    ],
)
def test_a_secret_that_cannot_be_had_is_named(
    env: str | None, content: str | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=message) as caught:
        read_secret("password", env, None if content is None else file, {})
    assert "\n" not in str(caught.value)


def test_a_secret_may_be_left_out_or_missing(tmp_path: Path) -> None:
    assert optional_secret("password", None, None) is None
    with pytest.raises(ConfigError, match="No such file"):
        optional_secret("password", None, tmp_path / "none")


@pytest.mark.parametrize(
    "host",
    ["plc", "plc-1.cell_3.plant.", "10.0.0.7", "::1", "fe80::1", "xn--mnchen-3ya.de", "3com"],
)
def test_a_host_is_a_name_or_an_address(host: str, tmp_path: Path) -> None:
    config = read_config(written(tmp_path, _toml("[[sinks]]", {**MODBUS, "host": host})))
    assert config.sinks[0].host == host


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("cell/3/part", True), ("cell/+/part", True), ("cell/#", True), ("#", True), ("+", True),
        ("+/+", True), ("/cell", True), ("a/#/b", False), ("a/b#", False), ("a+/b", False),
        ("##", False), ("a/+b", False), ("a\\u0000b", False),
    ],
)  # fmt: skip
def test_wildcards_of_a_topic_filter_stand_alone(topic: str, allowed: bool, tmp_path: Path) -> None:
    text = f'[trigger]\nkind = "mqtt"\nhost = "b"\ntopic = "{topic}"\n'
    if allowed:
        read_config(written(tmp_path, text))
        return
    with pytest.raises(ConfigError, match="topic filter"):
        read_config(written(tmp_path, text))


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "0.0.0.0", "enabled": False}, True),
        ({"host": "0.0.0.0", "token_env": "T"}, True),
        ({"token_env": "T", "token_file": "t"}, False),
    ],
)
def test_health_on_the_network_needs_a_token(changes: dict[str, object], allowed: bool) -> None:
    if allowed:
        HealthConfig.model_validate(changes)
    else:
        with pytest.raises(ValueError, match="token_env"):
            HealthConfig.model_validate(changes)
