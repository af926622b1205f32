"""What happens to the line, as the journal's events; nowhere where there is no journal."""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from partsight.errors import OutputError
from partsight.line.inspector import Inspector
from partsight.records import OnEvent
from partsight.telemetry.telemetry import Change, Telemetry
from partsight.utils.redaction import redact_address

if TYPE_CHECKING:
    from partsight.config.document import Config
    from partsight.journal import Journal

__all__ = ["event_writer", "started", "thresholds_told"]


def event_writer(journal: Journal | None, telemetry: Telemetry) -> OnEvent:
    """Return a function that writes events, from any thread, and raises nothing.

    It also writes every change of state from now on that is told, see ``Telemetry.state``.
    """

    def write(kind: str, detail: Mapping[str, Any]) -> None:
        if journal is not None:
            with contextlib.suppress(OutputError):  # which the journal says in the vitals
                journal.event(kind, detail)

    def told(change: Change) -> None:
        write("state", _change_told(change))

    telemetry.on_told(told)
    return write


def _change_told(change: Change) -> dict[str, Any]:
    """Return the detail of an event ``state``."""
    state = change.state
    told: dict[str, Any] = {"part": change.part, "state": state.name, "detail": state.detail}
    if change.suppressed:
        told["suppressed"] = change.suppressed
    if change.delayed:
        since = datetime.fromtimestamp(state.since, timezone.utc)
        told["since"] = since.isoformat(timespec="milliseconds")
    return told


def started(config: Config, inspector: Inspector) -> dict[str, Any]:
    """The detail of the event ``started``."""
    return {
        "partsight": importlib.metadata.version("partsight"),
        "model": inspector.classifier.model_sha256,
        "product": inspector.classifier.contract.product,
        "model_version": inspector.classifier.contract.version,
        "source": config.source.address and redact_address(config.source.address),
        "trigger": config.trigger.kind,
        **thresholds_told(inspector),
    }


def thresholds_told(inspector: Inspector) -> dict[str, Any]:
    """The thresholds and votes in force, and those of the model where it has others."""
    of_the_model, policy = inspector.classifier.contract.operating_point, inspector.policy
    told: dict[str, Any] = {
        "accept_above": inspector.point.accept_above,
        "reject_below": inspector.point.reject_below,
        "min_contrast": inspector.point.min_contrast,
        "fail_safe": policy.fail_safe,
        "votes": policy.votes,
        "window": policy.window,
    }
    if inspector.point != of_the_model:
        told["of_the_model"] = {
            "accept_above": of_the_model.accept_above,
            "reject_below": of_the_model.reject_below,
            "min_contrast": of_the_model.min_contrast,
        }
    return told
