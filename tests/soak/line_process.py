"""The line as a process: start, kill, stop, and samples of its memory."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.soak.evidence import Life, Sample

__all__ = ["LineProcess"]

_ROOT = Path(__file__).parents[2]
_PAGE = resource.getpagesize()
_TERM_S = 30.0


class LineProcess:
    """``partsight watch``, started again whenever it ends.

    Args:
        folder: gets the logs.
        config: file of the configuration.
        clock: file with the error of its wall clock.
        environ: variables for the line.
        health_port: of the line.
        plc_writes: returns how many writes the PLC has received.
    """

    def __init__(
        self,
        folder: Path,
        config: Path,
        clock: Path,
        model: Path,
        environ: dict[str, str],
        health_port: int,
        plc_writes: Callable[[], int],
    ) -> None:
        self._folder, self._health_port, self._plc_writes = folder, health_port, plc_writes
        self._command = [sys.executable, "-m", "tests.soak.line", str(clock), "watch", str(model)]
        self._command += ["--config", str(config)]
        self._environ = {**os.environ, **environ}
        self.lives: list[Life] = []
        self.up_since_s: float | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._samples: list[Sample] = []
        self._plc_from = 0
        self._wanted = False
        self._lock = threading.RLock()

    @property
    def pid(self) -> int:
        process = self._process
        return process.pid if process else 0

    def start(self) -> None:
        """Start it; returns when it accepts requests, or has ended, or after half a minute."""
        with self._lock:
            self._plc_from, self._samples = self._plc_writes(), []
            log = self._folder / f"log-{len(self.lives) + 1}"
            with log.open("wb") as output:
                self._process = subprocess.Popen(
                    self._command, cwd=_ROOT, env=self._environ, stdout=output, stderr=output
                )
            self._wanted = True
        until_s = time.monotonic() + 30
        while time.monotonic() < until_s and self._process.poll() is None:
            if self.get("/healthz"):
                self.up_since_s = time.monotonic()
                return
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL, "killed")

    def stop(self) -> None:
        """Ask it to end."""
        self._end(signal.SIGTERM, "stopped")

    def signal(self, number: int) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(number)

    def watch(self) -> bool:
        """Sample its memory; start it again if it ended by itself. Returns whether it had."""
        with self._lock:
            process = self._process
            if process is None or not self._wanted:
                return False
            if process.poll() is None:
                self._sample(process.pid)
                return False
            self._note(f"exited by itself with {process.returncode}")
        self.start()
        return True

    def get(self, path: str) -> str:
        """Return the text of its HTTP server, empty if there is no answer of 200."""
        address = f"http://127.0.0.1:{self._health_port}{path}"
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                return str(answer.read().decode())
        except (OSError, urllib.error.URLError):
            return ""

    def _end(self, number: int, ended: str) -> None:
        with self._lock:
            process = self._process
            if process is None:
                return
            self._wanted, self.up_since_s = False, None
            if process.poll() is None:
                process.send_signal(number)
                try:
                    process.wait(_TERM_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    ended = f"did not end within {_TERM_S:g} s of SIGTERM"
                if ended == "stopped" and process.returncode not in (0, 3):
                    ended = f"exited with {process.returncode} after SIGTERM"
            else:
                ended = f"exited by itself with {process.returncode}"
            self._note(ended)

    def _note(self, ended: str) -> None:
        self.lives.append(Life(self._samples, self._plc_from, ended))
        self._process, self.up_since_s = None, None

    def _sample(self, pid: int) -> None:
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            count = len(os.listdir(f"/proc/{pid}/fd"))
        except (OSError, IndexError):
            return
        self._samples.append(Sample(time.monotonic(), pages * _PAGE, count))
