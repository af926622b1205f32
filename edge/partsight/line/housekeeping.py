"""What happens between two parts: signs of life, another model, another configuration.

Called by the loop after each part, and twice a second where there is none; takes no time that
an inspection would notice.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from partsight.errors import ConfigError
from partsight.line.events import thresholds_told
from partsight.line.inspector import Judge
from partsight.line.line_health import LineHealth
from partsight.line.observers import Observers, alarm_settings
from partsight.line.request import Order, policy_of
from partsight.line.signals import LineSignals
from partsight.records import OnEvent
from partsight.telemetry.telemetry import Vitals

if TYPE_CHECKING:
    from partsight.inference.classifier import Classifier
    from partsight.model_store.watch import ModelWatch

__all__ = ["Turn"]

logger = logging.getLogger(__name__)


class Turn:
    """To be called; False when the line is to end.

    Args:
        order: what the line was started with.
        judge: is given another model or policy.
        health: is shown that the loop lives.
        signals: may ask to stop or to reload.
        models: may have another model; None where there is no store.
        observers: are told of another model, and of other alarm settings.
        on_event: is told what was changed.
        vitals: gets the state ``configuration``.
        notes: logged at the first turn: a line that cannot start says only why.
    """

    def __init__(
        self,
        order: Order,
        judge: Judge,
        health: LineHealth,
        signals: LineSignals,
        models: ModelWatch | None,
        observers: Observers,
        on_event: OnEvent,
        vitals: Vitals,
        notes: Sequence[str] = (),
    ) -> None:
        self._order, self._config, self._judge = order, order.config, judge
        self._health, self._signals, self._models = health, signals, models
        self._observers, self._on_event, self._vitals = observers, on_event, vitals
        self._notes = notes

    def __call__(self) -> bool:
        """Have one turn."""
        self._health.turn()
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
            self._judge.use(classifier=classifier)
        except ConfigError as error:
            # It was examined under the thresholds of then; they were changed in between.
            self._vitals.state("model", "refused", str(error))
            return
        if self._models is not None:
            self._models.swapped(classifier)
        for follow in self._observers.swapped:
            follow()
        self._on_event("thresholds", thresholds_told(self._judge))

    def _reload(self) -> None:
        """Take over what can be; a configuration that is wrong changes nothing."""
        from partsight.config.acting import require_acting
        from partsight.config.reload import changes

        try:
            config = self._order.reread()
            # Source and trigger stay those of the start: votes that are right for new ones would
            # let other parts vote now.
            running = self._order.config
            require_acting(running.model_copy(update={"decision": config.decision}))
            self._judge.use(policy=policy_of(config))
        except ConfigError as error:
            self._vitals.state("configuration", "refused", str(error))
            self._on_event("reload", {"refused": str(error)})
            return
        # What is taken over is so from now on; what needs a restart does so since the start.
        taken_over = changes(self._config, config).taken_over
        restart = changes(self._order.config, config).restart
        self._config = config
        self._observers.alarms.use(alarm_settings(config))
        if self._models is not None:
            from partsight.qualification.rules import settings_of

            self._models.settings = settings_of(config)
        waiting = ", ".join(change.key for change in restart)
        self._vitals.state("configuration", "needs restart" if waiting else "in force", waiting)
        self._on_event(
            "reload",
            {
                "taken_over": [dataclasses.asdict(change) for change in taken_over],
                "needs_restart": [dataclasses.asdict(change) for change in restart],
                **thresholds_told(self._judge),
            },
        )
