"""Checks memory, descriptors and the ends of the line's processes."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from tests.soak.evidence import Evidence, Life, Sample
from tests.soak.findings import Finding

__all__ = ["DESCRIPTORS", "RSS_BYTES", "WARM_UP_S", "growth", "resource_findings"]

# A process loads libraries, models and pools in its first seconds.
WARM_UP_S = 20.0
# Shorter lives say nothing about growth.
_OBSERVED_S = 30.0
# Growth that is tolerated over the observed time of one process. Allocators and the pools of
# threads vary by this much while faults come and go; a frame that is not released is 230 kB, so
# at 25 frames/s a leak passes it within 6 s.
RSS_BYTES = 32_000_000
# Each sink, client of a server and child holds a few for the time of a fault.
DESCRIPTORS = 12


def resource_findings(evidence: Evidence) -> Iterator[Finding]:
    """No process grows, and none ends without being asked to."""
    for number, life in enumerate(evidence.lives, 1):
        if life.ended not in ("killed", "stopped"):
            yield Finding("ended", f"process {number} of the line {life.ended}")
        samples = _observed(life)
        if not samples:
            continue
        more = growth([(each.at_s, each.rss) for each in samples])
        if more > RSS_BYTES:
            yield Finding("growing", f"process {number}: {more / 1e6:.0f} MB more memory")
        more = growth([(each.at_s, each.descriptors) for each in samples])
        if more > DESCRIPTORS:
            yield Finding("growing", f"process {number}: {more:.0f} more open descriptors")


def _observed(life: Life) -> Sequence[Sample]:
    if not life.samples:
        return ()
    start = life.samples[0].at_s + WARM_UP_S
    samples = [each for each in life.samples if each.at_s >= start]
    long_enough = samples and samples[-1].at_s - samples[0].at_s >= _OBSERVED_S
    return samples if long_enough else ()


def growth(points: Sequence[tuple[float, float]]) -> float:
    """Return the growth over the time of the points, by the Theil-Sen slope.

    The median of all slopes ignores peaks, such as of a large model that is examined.
    """
    step = max(1, len(points) // 200)
    chosen = points[::step]
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for place, earlier in enumerate(chosen)
        for later in chosen[place + 1 :]
        if later[0] > earlier[0]
    ]
    return statistics.median(slopes) * (points[-1][0] - points[0][0]) if slopes else 0.0
