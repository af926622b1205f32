"""A marker is planted wherever a secret can be given, and searched in all that partsight writes.

Where a secret can be given is read from the schema of the configuration: a new key for one is
covered, or a test fails until it is.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from click.testing import CliRunner
from paho.mqtt import client as paho
from tests.servers.mosquitto import listen, run_mosquitto
from tests.servers.process import DEADLINE_S, free_port, until
from tests.servers.web import run_web_server

from partsight.cli.main import main
from partsight.config.document import Config
from partsight.config.keys import Table, tables
from partsight.journal import read_rows

_SECRET_KEY = re.compile(r"(password|passphrase|token|secret|api_key)_(env|file)|address|url")
_NETWORK = 'host = "127.0.0.1"\nport = {port}\n'
# What each table needs besides its secret, by header and kind.
_COMPANIONS = {
    "[source]": 'username = "operator"\nopen_timeout_s = 5\n',
    '[[sinks]] kind = "mqtt"': _NETWORK + 'username = "operator"\nprefix = "line1"\n',
    '[[sinks]] kind = "webhook"': "",
    '[trigger] kind = "mqtt"': _NETWORK + 'username = "operator"\ntopic = "parts"\n',
    '[trigger] kind = "http"': "port = {trigger}\n",
    "[health]": "port = {health}\n",
}


def _name(table: Table) -> str:
    return f"{table.header} {table.kind}".strip()


def _secret_keys() -> dict[str, set[str]]:
    """The keys of each table by which a secret is given."""
    found = {
        _name(table): {key.name for key in table.keys if _SECRET_KEY.fullmatch(key.name)}
        for table in tables(Config)
    }
    return {name: keys for name, keys in found.items() if keys}


def _marker(table: str, key: str) -> str:
    """A secret of its own for each key, with characters that addresses reserve."""
    word = re.sub(r"\W+", "", f"{table}{key}")
    return f"mArKeR-{word}-#/?@%:&9"


def _planted(
    folder: Path, way: str, table: str, ports: dict[str, int]
) -> tuple[str, dict[str, str]]:
    """A table with a marker at each of its secret keys, by ``way``; and the environment."""
    keys = _secret_keys()[table]
    kind = table.partition(" ")[2]
    text = f"\n{table.partition(' ')[0]}\n{kind}\n{_COMPANIONS[table]}"
    environ = {}
    for key in sorted(keys):
        marker = _marker(table, key)
        if key in ("address", "url"):
            place = f"http://127.0.0.1:{ports[key]}/hook"
            text += f'{key} = "{place}?pwd={quote(marker, "")}"\n'
        elif key.endswith(f"_{way}"):
            name = re.sub(r"\W+", "_", f"{table}_{key}").strip("_").upper()
            environ[name] = marker
            (folder / name).write_text(marker + "\r\n", "utf-8-sig")
            text += f'{key} = "{name}"\n'
    return text, environ


def test_every_key_that_takes_a_secret_is_planted() -> None:
    assert _secret_keys().keys() == _COMPANIONS.keys()


def _is_seen(text: str) -> list[str]:
    """Traces of markers: of their words, which no encoding changes."""
    return re.findall(r".{0,60}mArKeR.{0,40}", text)


@pytest.mark.parametrize("way", ["env", "file"])
@pytest.mark.parametrize("table", _COMPANIONS)
@pytest.mark.parametrize("command", ["check", "show", "show --json"])
@pytest.mark.parametrize("wrong", ["", "surplus = 1\n"], ids=["valid", "with an error"])
def test_the_configuration_is_shown_without_secrets(
    tmp_path: Path,
    table: str,
    way: str,
    command: str,
    wrong: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, environ = _planted(tmp_path, way, table, {"address": 9, "url": 9})
    ports = {"port": 9, "trigger": 10, "health": 11}
    file = tmp_path / "partsight.toml"
    file.write_text(text.format(**ports) + wrong)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, ["config", *command.split(), str(file)])
    assert result.exit_code == (1 if wrong else 0), result.output
    assert _is_seen(result.output) == []


@contextlib.contextmanager
def _watching(
    folder: Path, model: Path, config: str, environ: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "partsight.toml").write_text(config)
    command = [sys.executable, "-m", "partsight", "--debug", "watch", str(model)]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        line = subprocess.Popen(
            [*command, "--config", "partsight.toml"],
            cwd=folder,
            env={**os.environ, **environ},
            stdout=out,
            stderr=err,
        )
    try:
        yield line
    finally:
        line.kill()
        line.wait(DEADLINE_S)


def _get(port: int, path: str, token: str = "") -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().read().decode()


def _children(pid: int) -> list[int]:
    """Processes that a process has started, and theirs."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    threads = Path(f"/proc/{pid}/task").iterdir()
    found: set[int] = set(map(int, text.split()))
    for thread in threads:
        with contextlib.suppress(OSError):
            found |= set(map(int, (thread / "children").read_text().split()))
    return [*found, *(each for child in found for each in _children(child))]


def _of_processes(pid: int) -> str:
    """Arguments of a process and its children, and the environments of the children."""
    places = [Path(f"/proc/{pid}/cmdline")]
    children = _children(pid)
    for child in children:
        places += [Path(f"/proc/{child}/{name}") for name in ("cmdline", "environ")]
    said = []
    for place in places:
        with contextlib.suppress(OSError):  # it has ended meanwhile
            said.append(place.read_bytes().decode(errors="replace"))
    return "\n".join(said)


def _quoting(request: BaseHTTPRequestHandler) -> None:
    """An answer that quotes the request, as some servers do."""
    body = f"no hook {request.path}".encode()
    request.send_response(404, f"Not found {request.path}")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@pytest.mark.parametrize(("trigger", "way"), [("http", "env"), ("mqtt", "file")])
def test_a_line_writes_no_secret_anywhere(
    tmp_path: Path, model_path: Path, trigger: str, way: str
) -> None:
    health, parts = free_port(), free_port()
    with (
        run_mosquitto(tmp_path) as broker,
        run_web_server() as web,
        listen(broker.port) as heard,
        socket.create_server(("127.0.0.1", 0)) as silent,  # whose camera never answers
    ):
        web.respond = _quoting
        ports = {"address": silent.getsockname()[1], "url": urlsplit(web.url).port or 0}
        named = ["[source]", '[[sinks]] kind = "mqtt"', '[[sinks]] kind = "webhook"']
        named += [f'[trigger] kind = "{trigger}"', "[health]"]
        planted = [_planted(tmp_path, way, table, ports) for table in named]
        config = '[journal]\npath = "journal.db"\n'
        config += '[pictures]\nfolder = "pictures"\n'
        config += "".join(text for text, _ in planted)
        environ = {name: value for _, each in planted for name, value in each.items()}
        config = config.replace("{port}", str(broker.port)).replace("{trigger}", str(parts))
        config = config.replace("{health}", str(health))
        given = environ if way == "env" else {}
        for name in [] if way == "file" else environ:
            (tmp_path / name).unlink()
        with _watching(tmp_path, model_path, config, given) as line:
            journal = tmp_path / "journal.db"
            until(lambda: _reached(health), "the line should answer")
            # Until it is another program, a new process has the memory of the line.
            until(lambda: "capture_process" in _of_processes(line.pid), "the camera should be read")
            shown = [_of_processes(line.pid)]
            until(lambda: _judged(journal, trigger, parts, broker.port, environ), "a verdict")
            until(lambda: heard.contents("line1/verdicts"), "the broker should get the verdict")
            refused = "404"  # by the server, which the line's status reports
            until(
                lambda: refused in str([each.payload for each in heard.messages]),
                "the status should show the server's answer",
            )
            token = environ[f"HEALTH__TOKEN_{way.upper()}"]
            for path in ("/readyz", "/healthz", "/metrics"):
                shown += [_get(health, path), _get(health, path, token)]
            assert "partsight_" in shown[-1]
            shown += [f"{each.topic} {each.payload!r}" for each in heard.messages]
            line.send_signal(signal.SIGTERM)
            line.wait(DEADLINE_S)
        assert web.posts, "the webhook should be tried"
    kept = [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and path.name not in (*environ, "partsight.toml")
        and not path.name.startswith("mosquitto")
    ]  # fmt: skip
    assert journal in kept
    shown += [path.read_bytes().decode("utf-8", "replace") for path in kept]
    assert "sink webhook" in "".join(shown)
    assert [each for text in shown for each in _is_seen(text)] == []


def _reached(port: int) -> bool:
    try:
        return bool(_get(port, "/readyz"))
    except OSError:
        return False


def _judged(journal: Path, trigger: str, port: int, broker: int, environ: dict[str, str]) -> bool:
    """Ask for a verdict in the way of the trigger, until there is one."""
    if trigger == "http":
        token = next(each for each in environ.values() if "token" in each)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            headers = {"Authorization": b"Bearer " + token.encode()}
            connection.request("POST", "/trigger?part_id=1", headers=headers)
            connection.getresponse().read()
    else:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.connect("127.0.0.1", broker)
        client.loop_start()
        client.publish("parts", "P1", qos=1).wait_for_publish(DEADLINE_S)
        client.disconnect()
        client.loop_stop()
    return bool(list(read_rows(journal)))
