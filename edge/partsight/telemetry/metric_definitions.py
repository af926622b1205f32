"""Definitions of the line's metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["BUCKETS_S", "METRICS", "Histogram", "Metric"]

# Upper bounds of the histograms' buckets, seconds.
BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A measured quantity.

    Attributes:
        kind: a counter only grows, a gauge goes up and down, a histogram takes seconds.
        help: description for people.
        label: name of the label of its values, such as ``verdict``; empty for a single value.
    """

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    label: str = ""


METRICS: Mapping[str, Metric] = {
    "frames": Metric("counter", "Frames received from the source."),
    "frames_dropped": Metric(
        "counter", "Frames that a newer frame replaced before they were used."
    ),
    "frame_age_seconds": Metric("gauge", "Seconds since the last frame of a live source."),
    "source_restarts": Metric("counter", "Times that the source was opened again."),
    "verdicts": Metric("counter", "Verdicts given.", "verdict"),
    "faults": Metric("counter", "Parts with the fail-safe verdict, by kind of fault.", "kind"),
    "unrecorded": Metric(
        "counter", "Parts whose verdict was not written to the journal, so not announced."
    ),
    "latency": Metric("histogram", "Seconds that a stage of a verdict took.", "stage"),
    "delivered": Metric(
        "counter", "Rows that a sink delivered, confirmed by the receiver.", "sink"
    ),
    "delivery_failures": Metric("counter", "Failed deliveries of a sink.", "sink"),
    "dead_letters": Metric(
        "counter", "Rows that were set aside because the receiver refuses them.", "sink"
    ),
    "queue": Metric("gauge", "Rows that a sink has not delivered yet.", "sink"),
    "part_ids_missing": Metric("counter", "Triggers without a readable part id.", "why"),
    "pictures_kept": Metric("counter", "Images saved."),
    "pictures_lost": Metric("counter", "Images that could not be saved.", "cause"),
    "disk_free_bytes": Metric(
        "gauge", "Free space on the disks of the journal and of saved images.", "place"
    ),
    "temperature_celsius": Metric("gauge", "Temperature of the device.", "zone"),
    "model_swaps": Metric("counter", "New models that were activated or refused.", "outcome"),
    "shadow": Metric(
        "counter", "Verdicts of the shadow model compared with the active model's.", "agreement"
    ),
    "drift": Metric("gauge", "Mean of the last subgroup of a control chart.", "chart"),
    "drift_learned": Metric(
        "gauge", "Parts that the drift reference is learned from, if the model has none."
    ),
    "alarms": Metric("gauge", "1 while an alarm is raised.", "alarm"),
}


@dataclass(slots=True)
class Histogram:
    """Counts by bucket of ``BUCKETS_S``, one more above the last, and the sum in seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0
