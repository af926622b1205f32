"""Contenders in turns, and what the rest of the machine did meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

CONTENDERS = Path(__file__).with_name("contenders.py")
ROUNDS = int(os.environ.get("PARTSIGHT_BENCH_ROUNDS", "7"))
# A round counts only if other processes used less of the machine than this.
QUIET = 0.05
# Waiting for quiet ones ends after so many times ROUNDS.
PATIENCE = 4


@dataclass(frozen=True, slots=True)
class Turn:
    """All pictures once.

    Attributes:
        rate: pictures a second.
        cpu_ms: of all cores, a picture.
        others: the share of the machine that others took meanwhile.
    """

    rate: float
    cpu_ms: float
    others: float


class Contender:
    """A process of ``contenders.py``, or some at once; a context manager.

    Args:
        name: of the contender.
        python: the interpreter of an environment that has what it needs.
        copies: how many are at work together, each on all pictures; their rates are added.
    """

    def __init__(
        self, name: str, model: str, folder: Path, python: str = sys.executable, copies: int = 1
    ) -> None:
        self.name = name if copies == 1 else f"{name} x{copies}"
        command = [python, str(CONTENDERS), name, model, str(folder)]
        self._processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(copies)
        ]

    def __enter__(self) -> Contender:
        for process in self._processes:
            while (line := _given(process.stdout).readline()) != "ready\n":
                if not line:
                    raise SystemExit(f"{self.name} failed; what it said stands above")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._processes:
            _given(process.stdin).close()
            process.wait()

    def round(self) -> Turn:
        """All pictures once."""
        before = _ticks()
        for process in self._processes:
            _given(process.stdin).write("\n")
            _given(process.stdin).flush()
        answers = [json.loads(_given(each.stdout).readline()) for each in self._processes]
        ticks, busy = (now - then for now, then in zip(_ticks(), before, strict=True))
        rate, cpu_s, pictures = (
            sum(answer[key] for answer in answers) for key in ("rate", "cpu_s", "pictures")
        )
        others = busy - cpu_s * os.sysconf("SC_CLK_TCK")
        return Turn(rate, 1000 * cpu_s / pictures, max(0.0, others / max(1, ticks)))


def _given(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _ticks() -> tuple[int, int]:
    """Of all cores since the start, and those of them that were not idle."""
    fields = Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]
    ticks = [int(field) for field in fields]
    return sum(ticks), sum(ticks) - ticks[3] - ticks[4]


def in_turns(contenders: Iterable[Contender], base: str) -> list[dict[str, Turn]]:
    """Rounds, by name, until there are enough in which ``base`` and each other met quiet."""
    rounds: list[dict[str, Turn]] = []
    with contextlib.ExitStack() as stack:
        ready = [stack.enter_context(contender) for contender in contenders]
        while len(rounds) < PATIENCE * ROUNDS:
            # Back and forth, so that a drift of the machine's speed meets all alike.
            turn = ready if len(rounds) % 2 else ready[::-1]
            rounds.append({contender.name: contender.round() for contender in turn})
            if all(len(_quiet(rounds, base, each.name)) >= ROUNDS for each in ready):
                break
    print(f"{len(rounds)} rounds; load {os.getloadavg()[0]:.1f}")
    return rounds


def table(rounds: list[dict[str, Turn]], base: str, wanted: dict[str, str]) -> None:
    """Print one row per contender: medians, and by how much ``base`` is faster.

    The ratio is the median of each round's own: of quiet ones, where there are three or more.
    The CPU time a picture is little touched by what others do.
    """
    for name in sorted(rounds[0]):
        quiet = _quiet(rounds, base, name)
        taken = quiet if len(quiet) >= 3 else rounds
        rate = statistics.median(each[name].rate for each in taken)
        cpu_ms = statistics.median(each[name].cpu_ms for each in taken)
        row = f"{name:20} {rate:7.1f} pictures/s {cpu_ms:7.2f} ms CPU  {len(quiet):2} quiet"
        if name != base:
            ratios = sorted(each[base].rate / each[name].rate for each in taken)
            row += f"  {base} x{statistics.median(ratios):.2f}"
            row += f" ({ratios[0]:.2f} to {ratios[-1]:.2f})  {wanted.get(name, '')}"
        print(row, flush=True)


def _quiet(rounds: list[dict[str, Turn]], *names: str) -> list[dict[str, Turn]]:
    """Those in which hardly anybody else was at work while these were."""
    return [each for each in rounds if all(each[name].others <= QUIET for name in names)]
