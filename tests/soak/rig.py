"""All that a line is connected to in a soak run, and its configuration."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

from tests.servers.modbus import run_plc
from tests.servers.mosquitto import listen, run_mosquitto
from tests.servers.process import free_port
from tests.servers.web import run_web_server
from tests.soak.camera import Camera
from tests.soak.disk import SmallDisk
from tests.soak.evidence import Gap, Row
from tests.soak.line import write_offset
from tests.soak.line_process import LineProcess
from tests.soak.proxy import Proxy

__all__ = ["FRAME_TIMEOUT_S", "PREFIX", "Rig"]

FRAME_TIMEOUT_S = 0.3
PREFIX = "soak"
_MODEL = Path(__file__).parents[2] / "models" / "sample-parts-int8.tflite"
_CONFIG = """\
[source]
address = "{camera}"
username = "soak"
password_file = "{secrets}/camera"
[trigger]
kind = "http"
port = {trigger}
token_file = "{secrets}/trigger"
frame_timeout_s = {frame_timeout_s}
[journal]
path = "{data}/journal.db"
keep_days = 30
[pictures]
folder = "{data}/pictures"
keep_accepts = 1.0
annotate = false
max_age_days = 30
min_free_bytes = 1000000
[models]
store = "{folder}/store"
interval_s = 0.5
[health]
port = {health}
[[sinks]]
kind = "mqtt"
host = "127.0.0.1"
port = {mqtt}
prefix = "{prefix}"
username = "soak"
password_file = "{secrets}/mqtt"
timeout_s = 2
start = "beginning"
[[sinks]]
kind = "webhook"
url = "{web}"
secret_env = "SOAK_WEBHOOK"
timeout_s = 2
start = "beginning"
[[sinks]]
kind = "modbus"
host = "127.0.0.1"
port = {modbus}
timeout_s = 1
start = "beginning"
[[sinks]]
kind = "csv"
path = "{data}/csv/verdicts.csv"
start = "beginning"
[[sinks]]
kind = "jsonl"
path = "{data}/jsonl/verdicts.jsonl"
start = "beginning"
"""


class Rig(contextlib.ExitStack):
    """Servers, camera, disk and line, and what faults leave behind for the auditor.

    Attributes:
        gaps: where verdicts may be missing.
        aside: journals and result files that a fault moved or removed, in this order.
        taken: rows of files that a fault removed, by sink; kept because the fault, not the line,
            removed them.
        replaced_journals: how often the journal was taken away.
        paused: whether the line cannot answer now.
        models: digests of the models that may judge.
    """

    def __init__(self, folder: Path, seconds: float, seed: int) -> None:
        super().__init__()
        self.folder, self.data = folder, folder / "data"
        self.gaps: list[Gap] = []
        self.aside: list[Path] = []
        self.taken: dict[str, list[Row]] = {"csv": [], "jsonl": []}
        self.replaced_journals = 0
        self.paused = False
        self.texts: dict[str, bytes] = {}
        self.secrets = {
            name: f"SOAK-{name}-{secrets.token_hex(8)}"
            for name in ("camera", "trigger", "mqtt", "webhook")
        }
        (folder / "aside").mkdir()
        (folder / "secrets").mkdir(mode=0o700)
        for name, secret in self.secrets.items():
            (folder / "secrets" / name).write_text(secret)
            (folder / "secrets" / name).chmod(0o600)
        self.disk = SmallDisk(self.data, 64 + int(seconds / 4))
        self.callback(self.disk.end)
        for name in ("csv", "jsonl"):
            (self.data / name).mkdir()
        (folder / "mosquitto").mkdir()
        self.camera = Camera("soak", self.secrets["camera"])
        self.callback(self.camera.end)
        self.broker = self.enter_context(run_mosquitto(folder / "mosquitto"))
        self.plc = self.enter_context(run_plc())
        self.web = self.enter_context(run_web_server())
        self.good_answer = self.web.respond
        self.listener = self.enter_context(listen(self.broker.port, f"{PREFIX}/#"))
        self.broker.save(f"{PREFIX}/#")
        self.mqtt_wire = Proxy(self.broker.port, seed)
        self.plc_wire = Proxy(self.plc.port, seed + 1)
        self.callback(self.mqtt_wire.end)
        self.callback(self.plc_wire.end)
        self.trigger_port, self.health_port = free_port(), free_port()
        self.model = folder / "first.tflite"
        shutil.copy(_MODEL, self.model)
        self.models = [hashlib.sha256(self.model.read_bytes()).hexdigest()]
        self.line = self._line()
        self.callback(self.line.kill)

    @property
    def journal(self) -> Path:
        return self.data / "journal.db"

    @property
    def incoming(self) -> Path:
        return self.folder / "store" / "incoming"

    @property
    def clock(self) -> Path:
        return self.folder / "clock"

    def gap(self, receiver: str, from_s: float, count: int | None, why: str) -> None:
        """Excuse missing verdicts from a time until now."""
        self.gaps.append(Gap(receiver, from_s, time.monotonic(), count, why))

    def unrecorded(self) -> int:
        """How many verdicts the line itself reports as not written."""
        return int(self.metric("partsight_unrecorded_total"))

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        lines = self.line.get("/metrics").splitlines()
        values = [text for text in lines if text.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(text.rpartition(" ")[2]) for text in values)

    def heal(self) -> None:
        """End all faults of receivers, camera and clock."""
        self.camera.mode = "good"
        self.mqtt_wire.mode = self.plc_wire.mode = "pass"
        self.web.respond = self.good_answer
        write_offset(self.clock, 0.0)
        self.disk.free(self.line.pid)

    def _line(self) -> LineProcess:
        config = self.folder / "partsight.toml"
        fields: dict[str, Any] = {
            "folder": self.folder,
            "data": self.data,
            "secrets": self.folder / "secrets",
            "camera": self.camera.address,
            "trigger": self.trigger_port,
            "health": self.health_port,
            "frame_timeout_s": FRAME_TIMEOUT_S,
            "mqtt": self.mqtt_wire.port,
            "modbus": self.plc_wire.port,
            "web": self.web.url,
            "prefix": PREFIX,
        }
        config.write_text(_CONFIG.format(**fields))
        write_offset(self.clock, 0.0)
        return LineProcess(
            self.folder,
            config,
            self.clock,
            self.model,
            {"SOAK_WEBHOOK": self.secrets["webhook"]},
            self.health_port,
            lambda: len(self.plc.writes),
        )
