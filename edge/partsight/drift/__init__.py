"""Detects drift: parts, images or scores of the line that differ from those of training."""

from __future__ import annotations

from partsight.drift.alarms import LineAlarms
from partsight.drift.observer import DriftObserver
from partsight.drift.watch import DriftWatch

__all__ = ["DriftObserver", "DriftWatch", "LineAlarms"]
