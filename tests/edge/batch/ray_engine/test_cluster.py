"""``--engine ray`` on Ray's own test cluster: several nodes on this machine, some of them killed.

Skipped where Ray is not installed; with ``PARTSIGHT_REQUIRE_RAY=1`` that fails.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("ray_installed")

_STORE_BYTES = 80_000_000
# On a busy machine a killed node is noticed and replaced only after minutes.
_PATIENCE_S = 400


@pytest.fixture(scope="module")
def cluster(ray_installed: None) -> Iterator[Any]:
    """A head of one core, that asks for a token; tests add nodes."""
    with pytest.MonkeyPatch.context() as patch:
        # Its own: neither read from nor written to the home of who runs the tests.
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        head = {
            "num_cpus": 1,
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
        }
        cluster = Cluster(initialize_head=True, head_node_args=head)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def second_node(cluster: Any) -> Iterator[Any]:
    node = cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES)
    cluster.wait_for_nodes()
    yield node
    if node in cluster.worker_nodes:
        cluster.remove_node(node)


@pytest.fixture
def command(model_path: Path, cluster: Any) -> Callable[..., list[str]]:
    def command(*arguments: object) -> list[str]:
        return [
            *(sys.executable, "-m", "partsight", "classify", str(model_path)),
            *map(str, arguments),
            *("--engine", "ray", "--ray-address", cluster.address),
        ]

    return command


def begun(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)


def written(output: str) -> int:
    return len(list(Path(output + ".partial").glob("part-*")))


def wait_for_parts(process: subprocess.Popen[str], count: int, output: str = "rows") -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while written(output) < count:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"{written(output)} parts: {process.communicate()[1]}")
        time.sleep(0.01)


def ended(process: subprocess.Popen[str]) -> str:
    """The messages, which are about failed images only."""
    _, output = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 3, output
    return output


def workers_below(raylet: int) -> list[int]:
    """The processes of the worker actors of one node."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            title = status.with_name("cmdline").read_bytes()
            if parent == raylet and b"MapWorker" in title:
                found.append(int(status.parent.name))
    return found


def raylet_of(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def test_a_node_that_is_killed_costs_a_retry(
    model_path: Path,
    make_captured: Callable,
    run: Callable,
    command: Callable,
    cluster: Any,
    second_node: Any,
    parquet: Any,
) -> None:
    captured = make_captured(800)
    run(model_path, captured, "-o", "local.parquet", "--details", "--quiet")

    process = begun(command(captured, "-o", "rows/", "--rows-per-file", 20, "--details"))
    wait_for_parts(process, 6)
    working = [len(workers_below(raylet_of(n))) for n in (cluster.head_node, second_node)]
    cluster.remove_node(second_node, allow_graceful=False)
    at_kill = written("rows")
    ended(process)

    assert working == [1, 1]
    assert at_kill < 40
    assert parquet.read_table("rows") == parquet.read_table("local.parquet")
    assert len(parquet.read_table("rows")) == 800


def test_a_worker_that_is_killed_costs_a_retry(
    model_path: Path,
    make_captured: Callable,
    run: Callable,
    command: Callable,
    cluster: Any,
    parquet: Any,
) -> None:
    captured = make_captured(400)
    run(model_path, captured, "-o", "local.parquet", "--quiet")

    process = begun(command(captured, "-o", "rows/", "--rows-per-file", 20))
    wait_for_parts(process, 4)
    (worker,) = workers_below(raylet_of(cluster.head_node))
    os.kill(worker, signal.SIGKILL)
    at_kill = written("rows")
    ended(process)

    assert at_kill < 20
    assert parquet.read_table("rows") == parquet.read_table("local.parquet")


def test_a_killed_driver_can_be_resumed(
    model_path: Path, make_captured: Callable, run: Callable, command: Callable, parquet: Any
) -> None:
    captured = make_captured(400)
    run(model_path, captured, "-o", "local.parquet", "--quiet")
    arguments = command(captured, "-o", "rows/", "--rows-per-file", 20)

    process = begun(arguments)
    wait_for_parts(process, 4)
    process.kill()
    process.communicate()
    assert not Path("rows").exists()

    refused = subprocess.run(arguments, capture_output=True, text=True)
    assert (refused.returncode, "Continue it with --resume" in refused.stderr) == (1, True)
    other = subprocess.run([*arguments, "--resume", "--top-k", "1"], capture_output=True, text=True)
    assert (other.returncode, "run with other settings" in other.stderr) == (1, True)
    output = ended(begun([*arguments, "--resume"]))
    assert "400 pictures, " in output
    assert "400 pictures, 400 of them" not in output
    assert parquet.read_table("rows") == parquet.read_table("local.parquet")
    whole = subprocess.run([*arguments, "--resume"], capture_output=True, text=True)
    assert (whole.returncode, "nothing to resume" in whole.stderr) == (0, True)


@pytest.fixture
def s3(moto_installed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of S3 on loopback; the options of a URI that lead to it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"region=us-east-1&scheme=http&endpoint_override={host}%3A{port}"
    server.stop()


def test_reading_from_and_writing_to_a_store(
    model_path: Path,
    make_captured: Callable,
    run: Callable,
    command: Callable,
    parquet: Any,
    s3: str,
) -> None:
    fs = pytest.importorskip("pyarrow.fs")
    captured = make_captured(40)
    keys, options = "an-id:a-secret@", f"?allow_bucket_creation=true&{s3}"
    store, _ = fs.FileSystem.from_uri(f"s3://{keys}parts{options}")
    store.create_dir("parts")
    store.create_dir("rows")
    fs.copy_files(str(captured), "parts/captured", destination_filesystem=store)
    Path("list.txt").write_text(f"s3://{keys}parts/gone.png{options}\n")
    run(model_path, captured, "-o", "local.parquet", "--quiet")

    output = f"s3://{keys}rows/shift{options}"
    paths = (f"s3://{keys}parts/captured/{options}", "list.txt")
    arguments = command(*paths, "-o", output, "--rows-per-file", 7)
    output = ended(begun(arguments))

    rows = parquet.read_table("rows/shift", filesystem=store).to_pylist()
    local = parquet.read_table("local.parquet").to_pylist()
    for row in local:
        row["path"] = f"s3://parts/{row['path'].replace(' ', '%20')}"
    *of_folder, missing = rows
    assert of_folder == local
    assert missing["path"] == "s3://parts/gone.png"
    assert missing["error"] == "the file cannot be read: No such file or directory"
    assert store.get_file_info("rows/shift/_SUCCESS").type == fs.FileType.File
    assert "a-secret" not in output + str(rows)
    again = subprocess.run(arguments, capture_output=True, text=True)
    assert (again.returncode, "holds the rows of another run" in again.stderr) == (2, True)
    assert "a-secret" not in again.stderr


def test_a_file_uri_gives_the_same_as_its_path(
    model_path: Path, make_captured: Callable, run: Callable, command: Callable, parquet: Any
) -> None:
    captured = make_captured(40).absolute()
    run(model_path, captured, "-o", "local.parquet", "--details", "--quiet")
    ended(begun(command(f"file://{captured}", "-o", "rows", "--rows-per-file", 9, "--details")))
    rows = parquet.read_table("rows").to_pylist()
    for row in rows:
        row["path"] = row["path"].removeprefix("file://").replace("%20", " ")
    assert rows == parquet.read_table("local.parquet").to_pylist()


@contextlib.contextmanager
def listening(answer: bool) -> Iterator[str]:
    """An address of a web server, and one without a server."""
    if not answer:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        yield f"127.0.0.1:{port}"
        return
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("answer", [False, True])
def test_a_wrong_address_is_one_line(
    model_path: Path, make_captured: Callable, run_partsight: Callable, answer: bool
) -> None:
    captured = make_captured(1)
    with listening(answer) as address:
        engine = ("--engine", "ray", "--ray-address", address)
        result = run_partsight("classify", model_path, captured, "-o", "rows/", *engine)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert f"no Ray cluster at {address}" in line
    assert not list(Path().glob("rows*"))
