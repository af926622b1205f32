"""The faults of a soak run, on the line and on everything that it is connected to.

Each function takes the rig and a ``Fault``, and returns when the fault is over. A function that
takes something away from the line keeps a copy, or names the gap that it causes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.soak import file_faults, line_faults, network_faults
from tests.soak.plan import Fault
from tests.soak.rig import Rig

__all__ = ["FAULTS", "LANES"]

Act = Callable[[Rig, Fault], None]

# Faults of one lane never overlap: a process that is killed cannot also be stopped.
_BY_LANE: Mapping[str, Mapping[str, Act]] = {
    "line": {**line_faults.FAULTS, **file_faults.FAULTS},
    **network_faults.FAULTS_BY_LANE,
}

LANES: Mapping[str, tuple[str, ...]] = {lane: tuple(faults) for lane, faults in _BY_LANE.items()}
FAULTS: Mapping[str, Act] = {
    kind: act for faults in _BY_LANE.values() for kind, act in faults.items()
}
