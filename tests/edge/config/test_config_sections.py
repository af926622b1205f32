"""Messages, the empty file and the reference, for sections as the line has them."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, PositiveInt, ValidationError, model_validator

from partsight.config.decision import DecisionConfig
from partsight.config.document import Config
from partsight.config.explain import explained
from partsight.config.keys import tables, toml_text
from partsight.config.redaction import is_secret, shown
from partsight.config.reference import reference
from partsight.config.reload import RELOADABLE, changes
from partsight.config.section import ConfigPath, Section
from partsight.config.settings import active_settings
from partsight.config.template import template


class Camera(Section):
    """How it is set."""

    width: PositiveInt = Field(default=1920, description="Pixels.")
    gain: float | None = Field(default=None, ge=0, le=10, description="Of the sensor.")


class SourceSection(Section):
    """Where frames come from."""

    address: str = Field(default="0", description="Of the camera.")
    roi: tuple[float, float, float, float] | None = Field(
        default=None, strict=False, description="Part."
    )
    camera: Camera = Field(default=Camera(), description="How the camera is set.")


class EveryFrame(Section):
    """Each frame is a part."""

    kind: Literal["frame"] = Field(description="What asks for a verdict.")


class Interval(Section):
    """Now and then."""

    kind: Literal["interval"] = Field(description="What asks for a verdict.")
    seconds: PositiveInt = Field(description="Between two verdicts.")


class Tls(Section):
    """How the connection is encrypted."""

    ca_file: ConfigPath | None = Field(default=None, description="Whom to believe.")


class Mqtt(Section):
    """To a broker."""

    kind: Literal["mqtt"] = Field(description="Where to.")
    host: str = Field(description="The broker's name.")
    port: PositiveInt = Field(default=1883, description="The broker's port.")
    password: str | None = Field(default=None, description="For the broker.")
    tls: Tls | None = Field(default=None, description="Encryption; none if left out.")

    @model_validator(mode="after")
    def _not_both(self) -> Mqtt:
        if self.tls is None and self.port == 8883:
            raise ValueError("port 8883 needs tls")
        return self


class Lines(Section):
    """To a file."""

    path: ConfigPath = Field(description="The file.")
    kind: Literal["jsonl"] = Field(description="Where to.")


class Document(Section):
    """All of it."""

    name: str = Field(default="line", description="Of the | line.")
    source: SourceSection = Field(default=SourceSection(), description="Where frames come from.")
    trigger: Annotated[EveryFrame | Interval, Field(discriminator="kind")] = Field(
        default=EveryFrame(kind="frame"), description="When a part is judged."
    )
    sinks: list[Annotated[Mqtt | Lines, Field(discriminator="kind")]] = Field(
        default=[], description="Where results go."
    )


def validated(text: str) -> Document:
    return Document.model_validate(tomlkit.parse(text).unwrap())


MQTT = "[[sinks]]\nkind = 'mqtt'\nhost = 'h'\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[source]\nadress = '1'", "source.adress is unknown. Did you mean address? Known are "
         "address, roi, camera"),
        ("[source.camera]\nwidht = 3", "source.camera.widht is unknown. Did you mean width?"),
        ("[source.camera]\nwidth = 0",
         "source.camera.width: Input should be greater than 0. Received: 0"),
        (MQTT + "prot = 1", "sinks[0].prot is unknown. Did you mean port?"),
        (MQTT + MQTT + "tls = {ca = 'x'}",
         "sinks[1].tls.ca is unknown. Did you mean ca_file? Known are ca_file"),
        (MQTT + "port = 8883", "sinks[0]: port 8883 needs tls"),
        ("[[sinks]]\nkind = 'mqt'", "sinks[0].kind 'mqt' is unknown. Did you mean mqtt? Known "
         "are mqtt, jsonl"),
        ("[[sinks]]\nhost = 'h'", "sinks[0].kind is missing: expected one of mqtt, jsonl"),
        ("[[sinks]]\nkind = 'mqtt'", "sinks[0].host is missing: The broker's name."),
        ("[sinks]\nkind = 'mqtt'", "sinks: Input should be a valid list"),
        ("[trigger]\nkind = 'interval'\nsecond = 3",
         "trigger.seconds is missing: Between two verdicts.; trigger.second is unknown. Did "
         "you mean seconds? Known are kind, seconds"),
        ("[trigger]\nkind = 'intervall'", "trigger.kind 'intervall' is unknown. Did you mean "
         "interval? Known are frame, interval"),
        ("[sink]", "sink is unknown. Did you mean sinks?"),
        (MQTT + "password = 3", "sinks[0].password: Input should be a valid string. Received: "
         "'***'"),
        ("[source]\naddress = ['rtsp://a:pw@h/1']", "source.address: Input should be a valid "
         "string. Received: ['rtsp://***@h/1']"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validated(text)
    told = explained(refusal.value, Document)
    assert told.startswith(message)
    assert told.isprintable()


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab\n", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sinks", "kind", "mqtt", "tls", "trigger", "source", "x"]),
            inner,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["sinks", "trigger", "source"]), json_values))
def test_every_error_can_be_told(document: dict[str, Any]) -> None:
    with contextlib.suppress(ValidationError):
        Document.model_validate(document)
        return
    with pytest.raises(ValidationError) as refusal:
        Document.model_validate(document)
    assert explained(refusal.value, Document).isprintable()


def test_tables_in_their_order() -> None:
    found = {(table.header, table.kind): table for table in tables(Document)}
    assert list(found) == [
        ("", ""),
        ("[source]", ""),
        ("[source.camera]", ""),
        ("[trigger]", 'kind = "frame"'),
        ("[trigger]", 'kind = "interval"'),
        ("[[sinks]]", 'kind = "mqtt"'),
        ("[sinks.tls]", ""),
        ("[[sinks]]", 'kind = "jsonl"'),
    ]
    assert [key.name for key in found["[[sinks]]", 'kind = "jsonl"'].keys] == ["kind", "path"]
    assert [table.always for table in found.values()] == [True] * 3 + [False] * 5


@pytest.mark.parametrize(
    ("table", "key", "takes", "default", "example"),
    [
        ("", "name", "a text", '"line"', '"line"'),
        ("[source]", "roi", "[a number, a number, a number, a number]", None, "[0, 0, 0, 0]"),
        ("[source.camera]", "width", "a whole number above 0", "1920", "1920"),
        ("[source.camera]", "gain", "a number from 0 to 10", None, "0"),
        ("[[sinks]]", "kind", '"mqtt"', '"mqtt"', '"mqtt"'),
        ("[[sinks]]", "host", "a text", None, '"..."'),
        ("[sinks.tls]", "ca_file", "a path", None, '"..."'),
    ],
)
def test_what_a_key_takes(
    table: str, key: str, takes: str, default: str | None, example: str
) -> None:
    found = next(each for each in tables(Document) if each.header == table)
    one = next(each for each in found.keys if each.name == key)
    assert (one.takes, one.default, one.example) == (takes, default, example)


@pytest.mark.parametrize("section", [Document, Config])
def test_the_empty_file_says_nothing(section: type[Section]) -> None:
    text = template(section)
    assert section.model_validate(tomlkit.parse(text).unwrap()) == section()
    assert all(len(line) <= 100 for line in text.splitlines())


def test_every_line_of_the_empty_file_can_be_made_active() -> None:
    active = re.sub(r"^#(?=[\[\w])", "", template(Document), flags=re.MULTILINE)
    # Of several kinds, one is what the file may hold.
    start, end = active.index("# Each frame is a part."), active.index("# Now and then.")
    document = validated(active[:start] + active[end:])
    assert document.trigger == Interval(kind="interval", seconds=1)
    assert [sink.kind for sink in document.sinks] == ["mqtt", "jsonl"]
    assert document.source == SourceSection(roi=(0, 0, 0, 0), camera=Camera(gain=0))


@pytest.mark.parametrize("make", [template, reference])
def test_every_key_and_description_is_told(make: Any) -> None:
    text = " ".join(re.sub(r"^# ", "", make(Document), flags=re.MULTILINE).split())
    for table in tables(Document):
        assert table.header in text
        for key in table.keys:
            assert key.name in text
            assert key.description.replace("|", "\\|" if make is reference else "|") in text


def test_the_reference_in_the_docs_is_that_of_this_code() -> None:
    """Where it differs: ``partsight config reference > docs/configuration.md``."""
    committed = Path(__file__).parents[3] / "docs" / "configuration.md"
    assert committed.read_text("utf-8") == reference(Config), (
        "make it anew: partsight config reference > docs/configuration.md"
    )


def test_every_key_of_the_device_is_described() -> None:
    for table in tables(Config):
        assert table.description or not table.header
        for key in table.keys:
            assert key.description, f"{table.header} {key.name}"


@given(
    st.dictionaries(
        st.text("ab-", min_size=1, max_size=3), st.text(max_size=5) | st.integers() | st.booleans()
    )
)
def test_values_are_written_as_toml_reads_them(values: dict[str, Any]) -> None:
    assert tomlkit.parse(f"it = {toml_text(values)}").unwrap() == {"it": values}


def test_where_each_value_comes_from() -> None:
    document = validated("name = 'x'\n[source.camera]\nwidth = 3\n" + MQTT)
    names = {"name": "THE_NAME", "source.address": "THE_ADDRESS", "source.roi": "EMPTY"}
    environ = {"THE_NAME": "theirs", "EMPTY": ""}
    found = {
        each.name: (each.value, each.origin) for each in active_settings(document, names, environ)
    }
    assert found["name"] == ("theirs", "environment THE_NAME")
    assert found["source.address"] == ("0", "default")
    assert found["source.camera.width"] == (3, "file")
    assert found["source.camera.gain"] == (None, "default")
    assert found["source.roi"] == (None, "default")
    assert found["trigger.kind"] == ("frame", "default")
    assert found["sinks[0].host"] == ("h", "file")
    assert found["sinks[0].port"] == (1883, "default")


@pytest.mark.parametrize(
    ("name", "value", "printed"),
    [
        ("sinks[0].password", "x", "***"),
        ("sinks[0].password", None, None),
        ("token", ["x"], "***"),
        ("password_env", "MQTT_PASSWORD", "MQTT_PASSWORD"),
        ("source.password_env", "hunter2", "***"),
        ("sinks[0].url", "https://h/services/T0/x", "https://h/***"),
        ("password_file", "pw.txt", "pw.txt"),
        ("public_key", "a.pub", "a.pub"),
        ("address", "rtsp://user:pa:ss@host/1", "rtsp://***@host/1"),
        ("address", "http://host:80/a@b", "http://***"),
        ("header", {"token": "x", "a": [1, "https://u:p@h"]},
         {"token": "***", "a": [1, "https://***@h"]}),
    ],
)  # fmt: skip
def test_secrets_are_not_printed(name: str, value: Any, printed: Any) -> None:
    assert shown(name, value) == printed
    assert is_secret(name, value) == (printed == "***" or (name.endswith("password")))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, None),
        ({"accept_above": 0.9, "reject_below": 0.2, "votes": 3, "window": 5}, None),
        ({"accept_above": 1}, None),
        ({"accept_above": 1.1}, "less than or equal to 1"),
        ({"accept_above": 0.2, "reject_below": 0.9}, "reject_below must not be above"),
        ({"fail_safe": "review"}, None),
        ({"fail_safe": "accept"}, "'reject' or 'review'"),
        ({"votes": 3, "window": 2}, "votes must not be above"),
        ({"votes": 0}, "greater than 0"),
    ],
)
def test_decisions(values: dict[str, Any], message: str | None) -> None:
    if message is None:
        DecisionConfig.model_validate(values)
        return
    with pytest.raises(ValidationError, match=message):
        DecisionConfig.model_validate(values)


def config(**sections: Any) -> Config:
    return Config.model_validate(sections)


@pytest.mark.parametrize(
    ("before", "now", "taken_over", "restart"),
    [
        ({}, {}, [], []),
        ({}, {"decision": {"accept_above": 0.9}}, ["decision.accept_above"], []),
        ({"decision": {"votes": 1}}, {}, [], []),
        ({}, {"model": {"threads": 2}}, [], ["model.threads"]),
        ({"models": {"store": "/a"}}, {"models": {"store": "/b", "keep": 9}}, ["models.keep"],
         ["models.store"]),
        ({"shadow": {"model": "/a"}}, {}, [], ["shadow.model"]),
        ({}, {"drift": {"subgroup": 99}}, [], ["drift.subgroup"]),
        ({}, {"pictures": {"max_count": 9}}, [], ["pictures.max_count"]),
    ],
)  # fmt: skip
def test_what_is_taken_over_and_what_needs_a_restart(
    before: dict[str, Any], now: dict[str, Any], taken_over: list[str], restart: list[str]
) -> None:
    found = changes(config(**before), config(**now))
    assert [each.key for each in found.taken_over] == taken_over
    assert [each.key for each in found.restart] == restart
    assert bool(found) == bool(taken_over or restart)


def test_a_change_tells_both_values() -> None:
    (change,) = changes(config(decision={"votes": 2, "window": 3}), config(
        decision={"votes": 3, "window": 3})).taken_over  # fmt: skip
    assert (change.before, change.now) == (2, 3)


def test_what_can_be_reloaded_is_spelt_as_it_is() -> None:
    """Sections that are not in this table need a restart."""
    assert {name.partition(".")[0] for name in RELOADABLE} >= {"decision", "models"}
    assert not RELOADABLE["models.store"]
