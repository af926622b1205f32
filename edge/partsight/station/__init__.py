"""The line put together from the configuration: what ``partsight watch`` runs.

``run`` opens the parts in order and runs the loop; ``equipment`` knows how each is opened;
``turn`` is what happens between two parts.
"""

from __future__ import annotations

from partsight.station.order import Order, policy_of
from partsight.station.run import run_station

__all__ = ["Order", "policy_of", "run_station"]
