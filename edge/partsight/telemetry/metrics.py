"""Telemetry as Prometheus metrics: the text of ``/metrics``. Imported only if it is requested."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from partsight.telemetry.metric_definitions import BUCKETS_S, METRICS, Histogram, Metric
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.imports import import_fault

try:
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        InfoMetricFamily,
    )
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.registry import Collector
except ImportError as error:
    raise import_fault(
        "the metrics page", "prometheus-client", "partsight[metrics]", error
    ) from error

__all__ = ["ModelFacts", "exposition", "line_registry"]

# ``sha256``, ``version`` and other facts of the active model.
ModelFacts = Callable[[], Mapping[str, str]]
_Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily | InfoMetricFamily


class _LineCollector(Collector):
    """Reads the telemetry at each request, so that nothing is counted twice."""

    def __init__(
        self, telemetry: Telemetry, model: ModelFacts, loop_age_s: Callable[[], float]
    ) -> None:
        self._telemetry = telemetry
        self._model = model
        self._loop_age_s = loop_age_s

    def collect(self) -> Iterable[_Family]:
        """Yield the metrics of ``METRICS``, the states, the model, and the age of the heartbeat."""
        values, histograms = self._telemetry.values(), self._telemetry.histograms()
        for name, metric in METRICS.items():
            yield _family(name, metric, values, histograms)
        yield from _states(self._telemetry)
        facts = {key: str(value) for key, value in self._model().items()}
        yield InfoMetricFamily("partsight_model", "The active model.", value=facts)
        yield GaugeMetricFamily(
            "partsight_loop_age_seconds",
            "Seconds since the last turn of the inspection loop.",
            value=self._loop_age_s(),
        )


def line_registry(
    telemetry: Telemetry, model: ModelFacts, loop_age_s: Callable[[], float]
) -> CollectorRegistry:
    """Return the metrics of the line, and memory, descriptors and CPU time of this process."""
    registry = CollectorRegistry()
    registry.register(_LineCollector(telemetry, model, loop_age_s))
    ProcessCollector(registry=registry)
    return registry


def exposition(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Return the text and its content type; OpenMetrics if the Accept header asks for it."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _family(
    name: str,
    metric: Metric,
    values: Mapping[tuple[str, str], float],
    histograms: Mapping[tuple[str, str], Histogram],
) -> _Family:
    labels = [metric.label] if metric.label else []
    if metric.kind == "histogram":
        timed = HistogramMetricFamily(f"partsight_{name}_seconds", metric.help, labels=labels)
        for (of, label), histogram in sorted(histograms.items()):
            if of == name:
                timed.add_metric(
                    [label] if labels else [], list(_buckets(histogram)), histogram.sum_s
                )
        return timed
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(f"partsight_{name}", metric.help, labels=labels)
    found = sorted((label, value) for (of, label), value in values.items() if of == name)
    if not labels and not found:
        found = [("", 0.0)]  # a counter starts at 0, so that its first increase is visible
    for label, value in found:
        family.add_metric([label] if labels else [], value)
    return family


def _buckets(histogram: Histogram) -> Iterator[tuple[str, float]]:
    """Yield each upper bound with the number of values at or below it, as Prometheus counts."""
    total = 0
    for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], histogram.counts, strict=True):
        total += count
        yield bound, total


def _states(telemetry: Telemetry) -> Iterator[_Family]:
    states = GaugeMetricFamily(
        "partsight_state",
        "1 for the current state of a component of the line.",
        labels=["component", "state"],
    )
    since = GaugeMetricFamily(
        "partsight_state_since_timestamp_seconds",
        "Unix time since which a component of the line is in its state.",
        labels=["component"],
    )
    for component, state in sorted(telemetry.states().items()):
        states.add_metric([component, state.name], 1)
        since.add_metric([component], state.since)
    yield states
    yield since
