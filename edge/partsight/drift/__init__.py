"""Whether parts, pictures and scores of the line are still those that the model knows."""

from __future__ import annotations

from partsight.drift.alarms import LineAlarms
from partsight.drift.observer import DriftObserver
from partsight.drift.watch import DriftWatch

__all__ = ["DriftObserver", "DriftWatch", "LineAlarms"]
