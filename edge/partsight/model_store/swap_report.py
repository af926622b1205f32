"""Reports the outcome of new models: counters, the state ``model candidate``, and events."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from partsight.errors import PartsightError
from partsight.records import OnEvent
from partsight.telemetry.telemetry import Telemetry

__all__ = ["SwapReport"]

logger = logging.getLogger(__name__)

_CANDIDATE = "model candidate"


class SwapReport:
    """Reports to the telemetry and to the listener of events."""

    def __init__(self, telemetry: Telemetry, on_event: OnEvent) -> None:
        self._telemetry, self._on_event = telemetry, on_event

    def candidate(self, state: str, detail: str) -> None:
        """Set the state ``model candidate``."""
        self._telemetry.state(_CANDIDATE, state, detail)

    def activated(self, sha256: str, before: str, detail: Mapping[str, Any]) -> None:
        """Report an activated model.

        Args:
            sha256: of the model.
            before: SHA-256 of the previous model.
            detail: further fields of the event: products, ``from``, ``by`` and findings.
        """
        self._telemetry.count("model_swaps", "activated")
        self.candidate("taken", sha256)
        self._write({"outcome": "activated", "model": sha256, "before": before, **detail})

    def refused(
        self,
        sha256: str,
        active: str,
        origin: str,
        error: Exception | None,
        product: str | None = None,
    ) -> None:
        """Report a refused model.

        Args:
            sha256: of the refused model.
            active: SHA-256 of the model that stays active.
            origin: file or command that the model came from.
            error: the reason.
            product: of the refused model.
        """
        reason = " ".join(str(error).split())
        self._telemetry.count("model_swaps", "refused")
        self.candidate("refused", f"{origin}: {reason}")
        event = {"outcome": "refused", "model": sha256, "before": active, "from": origin}
        self._write({**event, "product": product, "reason": reason})

    def _write(self, event: Mapping[str, Any]) -> None:
        try:
            self._on_event("model", event)
        except PartsightError as error:
            # The swap itself is done, whether or not the event can be written.
            logger.warning("%s", error)
