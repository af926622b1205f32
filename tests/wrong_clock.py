"""A machine whose clock is wrong at times, for tests of deletion by age."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from partsight.utils.clock_record import DAY_S
from partsight.utils.clocks import Clocks
from partsight.utils.elapsed import ElapsedTime

START_S = 1_790_000_000.0
HOUR_S = 3600.0
YEARS_S = 730 * DAY_S


@dataclass
class Machine:
    """A machine whose clock is wrong by ``error_s``, and the file of its record."""

    path: Path
    true_s: float = START_S
    error_s: float = 0.0
    booted_s: float = START_S - 1000
    boots: int = 1
    ntp: bool = False

    def clocks(self) -> Clocks:
        return Clocks(
            wall=lambda: self.true_s + self.error_s,
            since_boot=lambda: self.true_s - self.booted_s,
            boot=lambda: str(self.boots),
            synchronized=lambda wall_s: self.ntp,
        )

    def off(self, seconds: float) -> None:
        self.true_s += seconds
        self.booted_s, self.boots = self.true_s, self.boots + 1

    def start(self, **options: object) -> ElapsedTime:
        return ElapsedTime(self.path, clocks=self.clocks(), **options)  # type: ignore[arg-type]


# On or off, seconds, error of the clock then, and whether NTP keeps a clock without error.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["on", "off"]),
        st.floats(0, 3 * DAY_S),
        st.sampled_from([0.0, 1e5, -1e5, YEARS_S, -YEARS_S, -1.7e9]),
        st.booleans(),
    ),
    max_size=12,
)
