"""Opens everything that the line needs, runs the loop, and closes everything.

Components close in reverse order: the journal closes after all that write events to it, and
delivery workers deliver the last rows before that.
"""

from __future__ import annotations

import dataclasses
import logging
from contextlib import ExitStack
from pathlib import Path

from partsight.deploy.preflight import require_startable
from partsight.line.assembly import (
    checked_load,
    load_first_model,
    model_notes,
    open_clock,
    open_delivery,
    open_health,
    open_image_store,
    open_journal,
    open_model_watch,
    open_pruning,
)
from partsight.line.events import event_writer, started
from partsight.line.housekeeping import Housekeeping
from partsight.line.inspector import Inspector
from partsight.line.loop import watch
from partsight.line.observers import open_observers
from partsight.line.recorder import Recorder
from partsight.line.request import LineRequest
from partsight.line.signals import LineSignals
from partsight.results import JsonLinesSink
from partsight.sources import open_frames
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers import open_trigger
from partsight.utils.standard_streams import standard_output

__all__ = ["run_line"]

logger = logging.getLogger(__name__)


def run_line(request: LineRequest, telemetry: Telemetry) -> None:
    """Run the line until its source ends, a signal stops it, or ``max_parts`` is reached.

    Args:
        request: configuration and model.
        telemetry: gets counts and states; the caller may read it afterwards.

    Raises:
        ConfigError: settings of the configuration contradict each other.
        SourceError: the source failed.
        PartsightError: a component cannot be opened.
    """
    config = request.config
    model = {} if request.model is None else {"the model": Path(request.model)}
    require_startable(config, reserved=model)
    request = dataclasses.replace(request, load=checked_load(request.load, config.models.product))
    with ExitStack() as stack:
        journal = open_journal(config, telemetry, stack)
        on_event = event_writer(journal, telemetry)
        stack.callback(telemetry.announce_rest)
        inspector = Inspector(load_first_model(request, telemetry, on_event), config.decision)
        on_event("started", started(config, inspector))
        workers = open_delivery(config, journal, telemetry, stack)
        elapsed = open_clock(config, telemetry, stack)
        open_pruning(config, journal, workers, elapsed, stack)
        observers = open_observers(request, inspector, telemetry, on_event, stack)
        recorder = Recorder(
            telemetry,
            journal=journal,
            # With a journal, the standard output is a sink that reads it, as every other.
            sinks=[JsonLinesSink(standard_output())] if journal is None else (),
            pictures=open_image_store(config, elapsed, telemetry, on_event, stack),
            observers=observers.each,
        )
        models = open_model_watch(request, inspector, telemetry, on_event, stack)
        health = open_health(config, inspector, telemetry, stack)
        signals = stack.enter_context(LineSignals())
        spec = inspector.classifier.contract.preprocess
        frames = stack.enter_context(open_frames(config.source, spec, telemetry))
        trigger = stack.enter_context(open_trigger(config.trigger, telemetry))
        product = inspector.classifier.contract.product
        notes = (*observers.notes, *model_notes(config, product))
        housekeeping = Housekeeping(
            request, inspector, health, signals, models, observers, on_event, telemetry, notes
        )
        health.notifier.ready(f"inspects with model {inspector.classifier.model_sha256[:12]}")
        watch(
            trigger.trigger_events(frames),
            inspector,
            recorder,
            housekeeping,
            max_parts=request.max_parts,
        )
        health.notifier.stopping("the line ends")
        _warn_if_not_watched(telemetry)
        # The texts are part of the journal's format.
        on_event("stopped", {"why": "asked to" if signals.stop else "nothing more to judge"})


def _warn_if_not_watched(telemetry: Telemetry) -> None:
    """Warn that drift was not watched yet: learning starts again at the next start."""
    drift, learned = (
        telemetry.states().get("drift"),
        telemetry.values().get(("drift_learned", ""), 0),
    )
    if drift is None:
        return
    if drift.name == "without reference" or (drift.name == "learning" and learned):
        logger.warning("drift was not watched yet when the line ended: %s", drift.detail)
