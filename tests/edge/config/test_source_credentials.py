"""User and password of a source: combined with its address, and refused where they are unclear."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from partsight.cli.main import main
from partsight.config.address_credentials import require_usable, with_credentials
from partsight.config.document import Config
from partsight.config.file import read_config
from partsight.config.source_credentials import at_address, source_address
from partsight.errors import ConfigError
from partsight.image.spec import PreprocessSpec
from partsight.sources.opening import open_frames, open_source
from partsight.telemetry.telemetry import Telemetry

_SECRETS = ("hunter2", "nter2")


def _seen(text: str) -> list[str]:
    return [secret for secret in _SECRETS if secret in text]


@given(st.text(min_size=1, max_size=12), st.text(max_size=12))
def test_any_user_and_password_come_back_from_the_address(username: str, password: str) -> None:
    if not (username + password).isprintable():
        return
    address = with_credentials("rtsp://camera:554/live?channel=1", username, password)
    parts = urlsplit(address)
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == (username, password)
    assert (parts.hostname, parts.port, parts.path) == ("camera", 554, "/live")
    require_usable(address)


_UNCLEAR = {
    "hash": "rtsp://admin:hu#nter2@camera/live",
    "slash": "rtsp://admin:hu/nter2@camera/live",
    "question mark": "rtsp://admin:hu?nter2@camera/live",
    "bracket": "rtsp://admin:hu[nter2@camera/live",
    "closing bracket": "rtsp://admin:hu]nter2@camera/live",
    "space": "rtsp://admin:hu nter2@camera/live",
    "percent": "rtsp://admin:hu%nter2@camera/live",
    "backslash": "rtsp://admin:hu\\nter2@camera/live",
    "number before slash": "rtsp://admin:12/hunter2@camera/live",
    "slash in the user": "http://ad/min:hunter2@camera/live",
    "at and hash": "rtsp://admin:a@b#hunter2@camera/live",
    "hash in the query": "http://camera/live?user=admin&pwd=hu#nter2",
    "at in the path": "rtsp://camera/user=admin_password=hu@nter2_channel=1.sdp",
    "https": "https://admin:hu/nter2@camera/snap.jpg",
}


@pytest.mark.parametrize("address", _UNCLEAR.values(), ids=_UNCLEAR)
def test_an_unescaped_character_is_refused_with_how_to_write_it(address: str) -> None:
    with pytest.raises(ConfigError, match=r"# as %23, / as %2F.*password_file") as caught:
        require_usable(address)
    assert _seen(str(caught.value)) == []


@pytest.mark.parametrize("address", _UNCLEAR.values(), ids=_UNCLEAR)
@pytest.mark.parametrize("command", ["check", "watch", "watch --debug", "capture"])
def test_each_command_refuses_an_unescaped_address_without_showing_it(
    address: str, command: str, tmp_path: Path, model_path: Path
) -> None:
    file = tmp_path / "partsight.toml"
    if command == "check":
        file.write_text(f"[source]\naddress = {address!r}\n")
        words = ["config", "check", str(file)]
    elif command == "capture":
        words = ["capture", "--source", address, "--label", "healthy", str(tmp_path)]
    else:
        words = ["watch", str(model_path), "--source", address]
        words = ["--debug", *words] if "debug" in command else words
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    said = result.output + (str(result.exception) if "debug" in command else "")
    assert "%23" in said
    assert _seen(said) == []


@pytest.mark.parametrize(
    "address",
    [
        "0",
        "/dev/video0",
        "/data/line@2/a#b.mp4",
        "file:///data/line@2/a#b.mp4",
        "rtsp://camera/live",
        "rtsp://admin:hunter2@camera:554/live?channel=1",
        "rtsp://admin:a:b%23c@camera/live",
        "rtsp://admin:p@ss@camera/live",
        "rtsp://[fe80::1%25eth0]:554/live",
        "http://camera/snap.jpg?user=me@example.com&pwd=hunter2",
        "http://camera/user=admin&password=hunter2",
    ],
)
def test_an_escaped_address_is_accepted(address: str) -> None:
    require_usable(address)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("password_env = 'A'", "needs a username"),
        ("username = 'a'\npassword_env = 'A'\npassword_file = 'b'", "given twice"),
        ("address = '0'\nusername = 'a'", "which has no login"),
        ("address = '/dev/video0'\nusername = 'a'", "which has no login"),
        ("address = 'parts'\nusername = 'a'", "which has no login"),
        ("address = 'file:///parts'\nusername = 'a'", "which has no login"),
        ("address = 'rtsp://b:hunter2@h'\nusername = 'a'", "given twice: in the address rtsp://"),
        ("address = 'rtsp://hunter2@h'\nusername = 'a'", "given twice"),
        ("username = 'a'\npassword = 'hunter2'", "password is unknown"),
        ("address = 'rtsp://h'\nusername = 'a'\npassword_env = 'hunter2'", None),
    ],
)
def test_keys_that_do_not_go_together_are_refused(
    keys: str, message: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "partsight.toml"
    file.write_text(f"[source]\n{keys}\n")
    result = CliRunner().invoke(main, ["config", "check", str(file)])
    assert result.exit_code == (0 if message is None else 1)
    assert re.search(message or "is valid", result.output), result.output
    assert _seen(result.output) == []


def test_the_secret_is_read_again_and_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "partsight.toml"
    (tmp_path / "pw").write_bytes("\ufeffp#s/1 \r\n".encode())
    file.write_text(
        "[source]\naddress = 'rtsp://h:554/live'\nusername = 'op@1'\npassword_file = 'pw'"
    )
    source = read_config(file).source
    assert source_address(source) == "rtsp://op%401:p%23s%2F1@h:554/live"
    (tmp_path / "pw").write_text("new")
    assert source_address(source) == "rtsp://op%401:new@h:554/live"
    monkeypatch.setenv("PW", "of env")
    file.write_text("[source]\naddress = 'http://h/a'\nusername = 'op'\npassword_env = 'PW'")
    assert source_address(read_config(file).source) == "http://op:of%20env@h/a"


def test_a_missing_password_is_an_error_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "partsight.toml"
    file.write_text("[source]\naddress = 'rtsp://h'\nusername = 'op'\npassword_file = 'none'")
    source = read_config(file).source
    with pytest.raises(ConfigError, match="cannot read password from"):
        open_frames(source, PreprocessSpec(2, 2), Telemetry())


@pytest.mark.parametrize(
    ("address", "opened"),
    [
        ("rtsp://other/live", "rtsp://op:pa%23s@other/live"),
        ("rtsp://a:b@other/live", "rtsp://a:b@other/live"),
        ("0", "0"),
        ("parts", "parts"),
        ("file:///parts", "file:///parts"),
    ],
)
def test_the_configured_user_completes_an_address_of_the_command_line(
    address: str, opened: str, tmp_path: Path
) -> None:
    (tmp_path / "pw").write_text("pa#s")
    file = tmp_path / "partsight.toml"
    file.write_text("[source]\naddress = 'rtsp://h'\nusername = 'op'\npassword_file = 'pw'")
    assert source_address(at_address(read_config(file).source, address)) == opened


def test_the_python_api_refuses_an_unescaped_address() -> None:
    for address in _UNCLEAR.values():
        source = Config().source.model_copy(update={"address": address})
        with pytest.raises(ConfigError, match="%23"):
            open_frames(source, PreprocessSpec(2, 2), Telemetry())
        with pytest.raises(ConfigError, match="%23"):
            open_source(address, PreprocessSpec(2, 2))


@pytest.mark.parametrize("address", ["http://h/x#SEKRET9", "http://h/cgi?channel=1#SEKRET9"])
def test_a_fragment_is_refused_without_blaming_a_password(address: str) -> None:
    with pytest.raises(ConfigError, match="has a # after its host.*Write # as %23") as caught:
        require_usable(address)

    assert "user" not in str(caught.value)
    assert "SEKRET9" not in str(caught.value)
