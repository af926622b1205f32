"""Housekeeping between two inspections: heartbeat, model swap, reload of the configuration.

Called by the loop after each part, and twice a second without parts; it must not delay inspections.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from partsight.config.source_kind import LIVE, source_kinds
from partsight.errors import ConfigError
from partsight.line.events import thresholds_detail
from partsight.line.inspector import Inspector
from partsight.line.line_health import LineHealth
from partsight.line.observers import Observers
from partsight.line.request import LineRequest
from partsight.line.signals import LineSignals
from partsight.records import OnEvent
from partsight.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from partsight.inference.classifier import Classifier
    from partsight.model_store.watch import ModelWatch

__all__ = ["Housekeeping"]

logger = logging.getLogger(__name__)


class Housekeeping:
    """Called at each turn of the loop; returns False when the line must stop.

    Args:
        request: model and configuration that the line was started with.
        inspector: gets a new model or policy.
        health: gets the heartbeat.
        signals: requests to stop or reload.
        models: offers new models; None without a store.
        observers: get model changes and new alarm settings.
        on_event: gets an event for each change.
        telemetry: gets the state ``configuration``.
        notes: logged at the first turn, so that a line that cannot start logs only its error.
    """

    def __init__(
        self,
        request: LineRequest,
        inspector: Inspector,
        health: LineHealth,
        signals: LineSignals,
        models: ModelWatch | None,
        observers: Observers,
        on_event: OnEvent,
        telemetry: Telemetry,
        notes: Sequence[str] = (),
    ) -> None:
        self._request, self._config, self._inspector = request, request.config, inspector
        self._health, self._signals, self._models = health, signals, models
        self._observers, self._on_event, self._telemetry = observers, on_event, telemetry
        self._notes = notes

    def __call__(self) -> bool:
        """Do one turn."""
        self._health.heartbeat()
        for note in self._notes:
            logger.warning("%s", note)
        self._notes = ()
        if self._models is not None:
            offered = self._models.poll()
            if offered is not None:
                self._swap(offered)
        if self._signals.take_reload():
            self._health.notifier.reloading()
            self._reload()
            self._health.notifier.ready("the configuration was read again")
        return not self._signals.stop

    def _swap(self, classifier: Classifier) -> None:
        try:
            self._require_same_bit_depth(classifier)
            self._inspector.use(classifier=classifier)
        except ConfigError as error:
            # The thresholds were changed after its qualification.
            self._telemetry.state("model", "refused", str(error))
            return
        if self._models is not None:
            self._models.swapped(classifier)
        for follow in self._observers.swapped:
            follow()
        self._on_event("thresholds", thresholds_detail(self._inspector))

    def _require_same_bit_depth(self, classifier: Classifier) -> None:
        """Refuse a model for which the source would have to decode image files otherwise.

        Raises:
            ConfigError: it is such a model.
        """
        depths = [
            each.contract.preprocess.bit_depth for each in (self._inspector.classifier, classifier)
        ]
        if depths[0] != depths[1] and not source_kinds(self._config.source) <= LIVE:
            words = ["none" if depth is None else str(depth) for depth in depths]
            raise ConfigError(
                f"the model has another bit depth than the active one: expected {words[0]}, "
                f"received {words[1]}. Restart the line to decode images for it"
            )

    def _reload(self) -> None:
        """Apply the settings that need no restart; an invalid configuration changes nothing."""
        from partsight.config.acting import require_acting
        from partsight.config.reload import changes

        try:
            config = self._request.reread()
            # Check the votes against the running source and trigger, which change only at a
            # restart: votes that suit new ones could mix parts now.
            running = self._request.config
            require_acting(running.model_copy(update={"decision": config.decision}))
            self._inspector.use(policy=config.decision)
        except ConfigError as error:
            self._telemetry.state("configuration", "refused", str(error))
            self._on_event("reload", {"refused": str(error)})
            return
        # Applied settings differ from the last reload, settings that need a restart from the start.
        taken_over = changes(self._config, config).taken_over
        restart = changes(self._request.config, config).restart
        self._config = config
        self._observers.alarms.use(config.alarms)
        if self._models is not None:
            from partsight.qualification.rules import Rules

            self._models.rules = Rules.of(config)
        waiting = ", ".join(change.key for change in restart)
        self._telemetry.state("configuration", "needs restart" if waiting else "active", waiting)
        self._on_event(
            "reload",
            {
                "taken_over": [dataclasses.asdict(change) for change in taken_over],
                "needs_restart": [dataclasses.asdict(change) for change in restart],
                **thresholds_detail(self._inspector),
            },
        )
