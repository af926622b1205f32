"""Loads the model that a line starts with, and warms a model up before its first part."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from partsight.inference.classifier import Classifier
from partsight.model.file import ModelFile, read_model
from partsight.model_store.activate import activate_model, start_active
from partsight.model_store.products import described
from partsight.model_store.store import ModelStore, activated
from partsight.records import OnEvent
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.digest import sha256_of
from partsight.utils.limits import MAX_MODEL_BYTES

__all__ = ["Load", "file_sha256", "ready", "start"]

logger = logging.getLogger(__name__)

Load = Callable[[bytes], Classifier]


def start(
    store: ModelStore,
    load: Load,
    telemetry: Telemetry,
    on_event: OnEvent,
    *,
    first: Path | None = None,
    keep: int = 5,
    product: str | None = None,
) -> Classifier:
    """Load the active model of a store, or the latest earlier one that can be loaded.

    Args:
        store: the store.
        load: makes a classifier from bytes; raises ``ModelError``.
        telemetry: gets the state ``model``, and counts a fallback.
        on_event: gets an event for a fallback, with its reasons.
        first: model to activate if the store is empty; otherwise a warning says that it is not run.
        keep: number of models to keep in the store.
        product: the configured product, which ``load`` checks.

    Raises:
        ModelError: no model can be run.
        OutputError: the first model cannot be stored.
    """
    loaded: dict[bytes, Classifier] = {}
    if first is not None and not activated(store):
        data = read_model(first)
        # Load it first: a model that cannot run here must not become active.
        loaded[data] = classifier = load(data)
        file = ModelFile(data, classifier.model_sha256, classifier.contract)
        origin = {"from": str(first.absolute()), "by": "partsight watch"}
        activate_model(store, file, keep, {**origin, "product": file.contract.product})
    sha256, classifier, reasons = start_active(
        store, lambda data: ready(loaded.get(data) or load(data)), product
    )
    if first is not None and file_sha256(first) != sha256:
        name = described(sha256, classifier.contract)
        logger.warning(
            "%s is not run: %s is the active model of %s. To run the model given here: "
            "partsight model activate %s",
            first,
            name,
            store.folder,
            first,
        )
    _report(classifier, reasons, telemetry, on_event)
    return classifier


def _report(
    classifier: Classifier, reasons: Sequence[str], telemetry: Telemetry, on_event: OnEvent
) -> None:
    """Set the state ``model``; report a fallback, which has reasons."""
    sha256, contract = classifier.model_sha256, classifier.contract
    if not reasons:
        telemetry.state("model", "running", sha256)
        return
    why = "; ".join(reasons)
    telemetry.count("model_swaps", "fallback")
    telemetry.state("model", "fallback", f"{described(sha256, contract)}: {why}")
    facts = {"model": sha256, "product": contract.product, "reason": why}
    on_event("model", {"outcome": "fallback", **facts})


def file_sha256(model: Path) -> str | None:
    """Return the SHA-256 of a file; None if it cannot be read or is too large to be a model."""
    with contextlib.suppress(OSError):
        if model.stat().st_size <= MAX_MODEL_BYTES:
            return sha256_of(model)
    return None


def ready(classifier: Classifier) -> Classifier:
    """Run a classifier once, since runtimes defer work to the first run, and return it.

    Raises:
        ModelError: its output is no probabilities.
    """
    spec = classifier.contract.preprocess
    classifier.classify([np.zeros((spec.height, spec.width, 3), np.uint8)])
    return classifier
