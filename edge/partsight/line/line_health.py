"""Health of a running line: the HTTP endpoints, systemd's notifications and machine telemetry."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.config.secret import optional_secret
from partsight.telemetry.machine import machine_watch
from partsight.telemetry.progress import Heartbeat
from partsight.telemetry.readiness import not_ready
from partsight.telemetry.systemd import Notifier
from partsight.telemetry.telemetry import Telemetry
from partsight.web.routes import line_routes
from partsight.web.server import http_server
from partsight.web.token import with_token

if TYPE_CHECKING:
    from partsight.config.health import HealthConfig
    from partsight.telemetry.metrics import ModelFacts

__all__ = ["LineHealth", "status_line"]

_STATUS_EVERY_S = 1.0


class LineHealth:
    """Active while the block is open. Its methods are for the loop's thread.

    Args:
        telemetry: of the line.
        model: gives ``sha256`` and ``version`` of the active model.
        settings: the section ``[health]``.
        places: folders whose disks must not fill up, by name, such as journal and pictures.
        notifier: sends notifications to systemd; None makes one from the environment.
        clock: seconds, monotonic.

    Attributes:
        port: TCP port of the server within the block; None if it is disabled.
        notifier: sends notifications to systemd.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        model: ModelFacts,
        settings: HealthConfig,
        places: Mapping[str, Path],
        notifier: Notifier | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.port: int | None = None
        self.notifier = notifier or Notifier.from_environ()
        self._telemetry, self._model, self._settings = telemetry, model, settings
        self._machine = machine_watch(places, telemetry)
        self._heartbeat = Heartbeat([self.notifier.feed_watchdog], clock)
        self._clock, self._reported_s = clock, clock()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> LineHealth:
        """Start; ``notifier.ready`` is called later by the line.

        Raises:
            ConfigError: the address in ``[health]`` cannot be listened on.
        """
        settings = self._settings
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.notifier)
            stack.enter_context(self._machine)
            if settings.enabled:
                routes = line_routes(
                    self._telemetry,
                    self._heartbeat,
                    self._model,
                    stalled_after_s=settings.stalled_after_s,
                    reasons=partial(
                        not_ready, sink_unreachable_after_s=settings.sink_unreachable_after_s
                    ),
                )
                token = optional_secret("token", settings.token_env, settings.token_file)
                if token is not None:
                    routes |= {
                        path: with_token(route, token)
                        for path, route in routes.items()
                        if path != "/healthz"  # probes send no token
                    }
                server = http_server(
                    routes, section="health", host=settings.host, port=settings.port
                )
                self.port = stack.enter_context(server)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def heartbeat(self) -> None:
        """Note a turn of the loop; about once a second, also report the status."""
        self._heartbeat.beat()
        now_s = self._clock()
        if now_s - self._reported_s >= _STATUS_EVERY_S:
            self._reported_s = now_s
            self._telemetry.announce_due()
            self.notifier.status(status_line(self._telemetry))


def status_line(telemetry: Telemetry) -> str:
    """Return the status for 'systemctl status': counts of verdicts, states and alarms."""
    values = sorted(telemetry.values().items())
    counts = [f"{label} {count:.0f}" for (name, label), count in values if name == "verdicts"]
    alarms = [f"alarm {label}" for (name, label), raised in values if name == "alarms" and raised]
    states = [
        # Show the progress of learning: "drift learning 69 of 500 parts".
        f"{component} {state.detail if state.detail.startswith('learning ') else state.name}"
        for component, state in sorted(telemetry.states().items())
        if not component.startswith("alarm ")
    ]
    return "; ".join([", ".join(counts) or "no verdicts yet", *states, *alarms])
