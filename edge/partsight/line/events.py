"""Events of the line for the journal; without a journal they are dropped."""

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

__all__ = ["event_writer", "started", "thresholds_detail"]


def event_writer(journal: Journal | None, telemetry: Telemetry) -> OnEvent:
    """Return a function that writes events. Thread-safe; it raises nothing.

    From now on, announced changes of state are written as events too, see ``Telemetry.state``.
    """

    def write(kind: str, detail: Mapping[str, Any]) -> None:
        if journal is not None:
            with contextlib.suppress(OutputError):  # the state of the journal reports it
                journal.event(kind, detail)

    def announced(change: Change) -> None:
        write("state", _state_detail(change))

    telemetry.on_announced(announced)
    return write


def _state_detail(change: Change) -> dict[str, Any]:
    """Return the detail of an event ``state``."""
    state = change.state
    # The field is named "part" since the first version: readers of journals depend on it.
    detail: dict[str, Any] = {
        "part": change.component,
        "state": state.name,
        "detail": state.detail,
    }
    if change.suppressed:
        detail["suppressed"] = change.suppressed
    if change.delayed:
        since = datetime.fromtimestamp(state.since, timezone.utc)
        detail["since"] = since.isoformat(timespec="milliseconds")
    return detail


def started(config: Config, inspector: Inspector) -> dict[str, Any]:
    """Return the detail of the event ``started``."""
    return {
        "partsight": importlib.metadata.version("partsight"),
        "model": inspector.classifier.model_sha256,
        "product": inspector.classifier.contract.product,
        "model_version": inspector.classifier.contract.version,
        "source": config.source.address and redact_address(config.source.address),
        "trigger": config.trigger.kind,
        **thresholds_detail(inspector),
    }


def thresholds_detail(inspector: Inspector) -> dict[str, Any]:
    """Return the active thresholds and votes, and those of the model if they differ."""
    of_the_model, policy = inspector.classifier.contract.operating_point, inspector.policy
    detail: dict[str, Any] = {
        "accept_above": inspector.point.accept_above,
        "reject_below": inspector.point.reject_below,
        "min_contrast": inspector.point.min_contrast,
        "fail_safe": policy.fail_safe,
        "votes": policy.votes,
        "window": policy.window,
    }
    if inspector.point != of_the_model:
        detail["of_the_model"] = {
            "accept_above": of_the_model.accept_above,
            "reject_below": of_the_model.reject_below,
            "min_contrast": of_the_model.min_contrast,
        }
    return detail
