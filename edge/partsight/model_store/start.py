"""The model that a line starts with, and what makes one ready to judge.

Enters: a store. Leaves: a classifier that has run once. Called where the line starts, and by the
thread that looks for new models.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from partsight.inference.classifier import Classifier
from partsight.model.file import ModelFile, read_model
from partsight.model_store.activate import put_in_force, start_active
from partsight.model_store.products import described
from partsight.model_store.store import ModelStore, activated
from partsight.records import OnEvent
from partsight.telemetry.telemetry import Telemetry

__all__ = ["Load", "ready", "start"]

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
    """Load the active model of a store; the newest good one where that has gone bad.

    Args:
        store: where.
        load: gives a classifier of bytes, or raises ``ModelError``.
        telemetry: gets the state ``model``, and counts a fallback.
        on_event: is told of a fallback, with the reasons for it.
        first: is put in force where none is yet; otherwise, a log line says that it is not run.
        keep: how many models stay in the store.
        product: that is configured, which ``load`` asks for.

    Raises:
        ModelError: there is none that can be run.
        OutputError: the first one cannot be kept.
    """
    loaded: dict[bytes, Classifier] = {}
    if first is not None and not activated(store):
        data = read_model(first)
        # One that cannot be run here must not stand in the way of the next.
        loaded[data] = classifier = load(data)
        file = ModelFile(data, classifier.model_sha256, classifier.contract)
        whence = {"from": str(first.absolute()), "by": "partsight watch"}
        put_in_force(store, file, keep, {**whence, "product": file.contract.product})
    sha256, classifier, reasons = start_active(
        store, lambda data: ready(loaded.get(data) or load(data)), product
    )
    if first is not None and _digest(first) != sha256:
        logger.warning(
            "%s is not run: %s is the active model of %s. To run the other one: "
            "partsight model activate %s",
            first,
            described(sha256, classifier.contract),
            store.folder,
            first,
        )
    if reasons:
        why = "; ".join(reasons)
        telemetry.count("model_swaps", "fallback")
        telemetry.state("model", "fallback", f"{described(sha256, classifier.contract)}: {why}")
        facts = {"model": sha256, "product": classifier.contract.product, "reason": why}
        on_event("model", {"outcome": "fallback", **facts})
    else:
        telemetry.state("model", "running", sha256)
    return classifier


def _digest(model: Path) -> str | None:
    """SHA-256 of a file; None where it cannot be read."""
    with contextlib.suppress(OSError):
        return hashlib.sha256(model.read_bytes()).hexdigest()
    return None


def ready(classifier: Classifier) -> Classifier:
    """Run it once: the first frame would pay for what a runtime puts off until then.

    Raises:
        ModelError: it gives no probabilities.
    """
    spec = classifier.contract.preprocess
    classifier.classify([np.zeros((spec.height, spec.width, 3), np.uint8)])
    return classifier
