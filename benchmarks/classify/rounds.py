"""Contenders in turns, and what the rest of the machine did meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

CONTENDERS = Path(__file__).with_name("contenders.py")
ROUNDS = int(os.environ.get("PARTSIGHT_BENCH_ROUNDS", "7"))
# A round is quiet where nobody else took more of the machine than this, for any contender.
QUIET = 0.05
# Waiting for quiet rounds ends after so many times ROUNDS.
PATIENCE = 4


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

    def round(self) -> tuple[float, float]:
        """Pictures a second, and the share of the machine that others took meanwhile."""
        before = _ticks()
        for process in self._processes:
            _given(process.stdin).write("\n")
            _given(process.stdin).flush()
        answers = [json.loads(_given(each.stdout).readline()) for each in self._processes]
        ticks, busy = (now - then for now, then in zip(_ticks(), before, strict=True))
        own = sum(answer["cpu_s"] for answer in answers) * os.sysconf("SC_CLK_TCK")
        return sum(answer["rate"] for answer in answers), max(0.0, (busy - own) / max(1, ticks))


def _given(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _ticks() -> tuple[int, int]:
    """Of all cores since the start, and those of them that were not idle."""
    fields = Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]
    ticks = [int(field) for field in fields]
    return sum(ticks), sum(ticks) - ticks[3] - ticks[4]


def in_turns(contenders: Iterable[Contender]) -> list[dict[str, float]]:
    """The rates of each round, by name: those of quiet rounds where there are three or more."""
    quiet: list[dict[str, float]] = []
    every: list[dict[str, float]] = []
    with contextlib.ExitStack() as stack:
        ready = [stack.enter_context(contender) for contender in contenders]
        while len(quiet) < ROUNDS and len(every) < PATIENCE * ROUNDS:
            # Back and forth, so that a drift of the machine's speed meets all alike.
            turn = ready if len(every) % 2 else ready[::-1]
            rounds = {contender.name: contender.round() for contender in turn}
            every.append({name: rate for name, (rate, _) in rounds.items()})
            if max(others for _, others in rounds.values()) <= QUIET:
                quiet.append(every[-1])
    print(f"{len(every)} rounds, {len(quiet)} quiet; load {os.getloadavg()[0]:.1f}")
    return quiet if len(quiet) >= 3 else every


def table(rounds: list[dict[str, float]], base: str, wanted: dict[str, str]) -> None:
    """Print a row a contender: the median rate, and by how much ``base`` is faster.

    The ratio is the median of each round's own.
    """
    for name in sorted(rounds[0]):
        rate = statistics.median(each[name] for each in rounds)
        row = f"{name:22} {rate:8.1f} pictures/s"
        if name != base:
            low, middle, high = _spread(each[base] / each[name] for each in rounds)
            row += f"   {base} x{middle:.2f} ({low:.2f} to {high:.2f})   {wanted.get(name, '')}"
        print(row)


def _spread(values: Iterator[float]) -> tuple[float, float, float]:
    in_order = sorted(values)
    return in_order[0], statistics.median(in_order), in_order[-1]
