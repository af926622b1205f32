"""From the order to the loop, and everything closed after it.

What is opened first is closed last: the journal outlives all who write events into it, and
feeders hand on what the last part left before it closes.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
from contextlib import ExitStack

from partsight.deploy.preflight import require_startable
from partsight.line.assembly import (
    checked_load,
    model_notes,
    open_feeders,
    open_health,
    open_journal,
    open_model,
    open_models,
    open_pictures,
    open_pruning,
)
from partsight.line.events import event_writer, started
from partsight.line.housekeeping import Turn
from partsight.line.inspector import Judge
from partsight.line.loop import watch
from partsight.line.observers import open_observers
from partsight.line.recorder import Recorder
from partsight.line.request import Order, policy_of
from partsight.line.signals import LineSignals
from partsight.results import JsonLinesSink
from partsight.sources import open_frames
from partsight.telemetry.telemetry import Vitals
from partsight.triggers import open_trigger

__all__ = ["run_station"]

logger = logging.getLogger(__name__)


def run_station(order: Order, vitals: Vitals) -> None:
    """Run the line until its source ends, it is told to stop, or it has judged enough.

    Args:
        order: what it is asked for.
        vitals: counts and states, also for whoever asks afterwards.

    Raises:
        ConfigError: parts of the configuration do not go together.
        SourceError: the source can give no more, and that is wrong.
        PartsightError: something could not be opened.
    """
    config = order.config
    require_startable(config)
    order = dataclasses.replace(order, load=checked_load(order.load, config.models.product))
    with ExitStack() as stack:
        journal = open_journal(config, vitals, stack)
        on_event = event_writer(journal, vitals)
        stack.callback(vitals.tell_rest)
        judge = Judge(open_model(order, vitals, on_event), policy_of(config))
        on_event("started", started(config, judge))
        feeders = open_feeders(config, journal, vitals, stack)
        open_pruning(config, journal, feeders, stack)
        observers = open_observers(order, judge, vitals, on_event, stack)
        recorder = Recorder(
            vitals,
            journal=journal,
            # With sinks, those are who is told: standard output may be one of them.
            sinks=() if feeders else [JsonLinesSink(sys.stdout)],
            pictures=open_pictures(config, vitals, on_event, stack),
            observers=observers.each,
        )
        models = open_models(order, judge, vitals, on_event, stack)
        health = open_health(config, judge, vitals, stack)
        signals = stack.enter_context(LineSignals())
        spec = judge.classifier.contract.preprocess
        frames = stack.enter_context(open_frames(config.source, spec, vitals))
        trigger = stack.enter_context(open_trigger(config.trigger, vitals))
        product = judge.classifier.contract.product
        notes = (*observers.notes, *model_notes(config, product))
        turn = Turn(order, judge, health, signals, models, observers, on_event, vitals, notes)
        health.notifier.ready(f"judges by {judge.classifier.model_sha256[:12]}")
        watch(trigger.occasions(frames), judge, recorder, turn, max_parts=order.max_parts)
        health.notifier.stopping("the line ends")
        _say_if_not_watched(vitals)
        on_event("stopped", {"why": "asked to" if signals.stop else "nothing more to judge"})


def _say_if_not_watched(vitals: Vitals) -> None:
    """Say that drift was not watched yet: learning starts anew with the next start."""
    drift, learned = vitals.states().get("drift"), vitals.values().get(("drift_learned", ""), 0)
    if drift is None:
        return
    if drift.name == "without reference" or (drift.name == "learning" and learned):
        logger.warning("drift was not watched yet when the line ended: %s", drift.detail)
