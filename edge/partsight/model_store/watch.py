"""Swaps models while the line runs: a thread looks for new models, the loop takes them over.

New models are files in the incoming folder, or activated by the command line. Everything that
takes time happens in this thread: qualification (in another process), loading, and a first run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from partsight.errors import EnvironmentFault, OutputError, PartsightError
from partsight.inference.classifier import Classifier
from partsight.model.file import ModelFile, load_model_file
from partsight.model.product import require_configured_product, require_same_product
from partsight.model_store.activate import activate_model, record
from partsight.model_store.history import read_history
from partsight.model_store.incoming import Candidate, Incoming
from partsight.model_store.products import UNNAMED_NOTE, described
from partsight.model_store.start import Load, file_sha256, ready
from partsight.model_store.store import ModelStore, activated, read_stored
from partsight.model_store.swap_report import SwapReport
from partsight.qualification.isolated import Examine, Stopped
from partsight.qualification.rules import Findings, Rules
from partsight.records import OnEvent
from partsight.telemetry.telemetry import Telemetry

__all__ = ["ModelWatch"]

logger = logging.getLogger(__name__)

_DEFAULTS = Rules()
# An unavailable network share can block the thread for minutes; the end of the line must not wait.
_STOP_S = 3.0
_BY_HAND = "activate it by hand: partsight model activate MODEL --allow-other-product"


class ModelWatch:
    """Looks for new models in a thread, while it is open.

    Args:
        store: the model store.
        active: the classifier that the line started with.
        load: makes a classifier from bytes; raises ``ModelError``.
        telemetry: gets the states, and counts new models by outcome.
        rules: rules for new models; may be replaced at any time, as ``rules``.
        incoming: folder or file where new models arrive; None is the store's own folder.
        product: the configured product; None takes the active model's.
        on_event: gets the event ``"model"`` for each new model, in this thread.
        clock: seconds, monotonic.
        examine: qualifies a model; raises ``PartsightError`` if it must not be run.
    """

    def __init__(
        self,
        store: ModelStore,
        active: Classifier,
        load: Load,
        telemetry: Telemetry,
        *,
        examine: Examine,
        rules: Rules = _DEFAULTS,
        incoming: Path | None = None,
        product: str | None = None,
        on_event: OnEvent = lambda kind, detail: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rules = rules
        self._store, self._load, self._telemetry = store, load, telemetry
        self._examine = examine
        self._incoming = Incoming(incoming or store.incoming, clock)
        self._report = SwapReport(telemetry, on_event)
        self._product = product
        self._sha256, self._contract = active.model_sha256, active.contract
        # Description of the loop's model, and of the origin of the offered one.
        self._running, self._origin = described(self._sha256, self._contract), ""
        self._warned_unnamed = False
        # A model that the pointer names and that cannot be loaded is not tried at each turn.
        self._unusable = ""
        self._offer: Classifier | None = None
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-watch", daemon=True)

    def __enter__(self) -> ModelWatch:
        if not self._incoming.is_file:
            with contextlib.suppress(OSError):  # found later, once somebody creates it
                self._incoming.path.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(_STOP_S)
        if self._thread.is_alive():
            logger.warning(
                "%s does not answer; the line ends without waiting for it", self._incoming.path
            )

    def poll(self) -> Classifier | None:
        """Return a new classifier to use from the next frame on, or None. Does not block.

        It belongs to the caller from then on.
        """
        if self._offer is None:
            return None
        with self._lock:
            offer, self._offer = self._offer, None
        if offer is not None:
            self._telemetry.state("model", "running", offer.model_sha256)
        return offer

    def swapped(self, classifier: Classifier) -> None:
        """Log that the loop uses another model from now on, and where it came from."""
        before, contract = self._running, classifier.contract
        self._running = described(classifier.model_sha256, contract)
        logger.warning("model %s replaced by %s, %s", before, self._running, self._origin)

    def turn(self) -> None:
        """Look for new models once; called by the thread at each interval."""
        self._follow_pointer()
        for candidate in self._incoming.look():
            self._consider(candidate)

    def _run(self) -> None:
        while not self._stop.wait(self.rules.models.interval_s):
            try:
                self.turn()
            except Stopped:
                return
            except PartsightError as error:
                self._report.candidate("failed", str(error))
            except Exception as error:
                # The line keeps its model, and this thread continues.
                logger.exception("looking for a new model failed")
                self._report.candidate("failed", str(error))

    def _follow_pointer(self) -> None:
        """Take over a model that 'partsight model' activated."""
        active = next(iter(activated(self._store)), self._sha256)
        if active in (self._sha256, self._unusable):
            return
        entry = _last_entry(self._store, active)
        origin = {
            "from": entry.get("from", "the store"),
            "by": entry.get("by", "the store's pointer"),
        }
        try:
            data = read_stored(self._store, active)
            # The command line may allow another product, but not one that contradicts the settings.
            require_configured_product(load_model_file(data).contract.product, self._product)
            classifier = ready(self._load(data))
        except PartsightError as error:
            self._unusable = active
            # Leave the state "refused" first, so that a second refusal is announced too.
            self._report.candidate("examining", active)
            self._report.refused(active, self._sha256, origin["by"], error)
            return
        self._unusable = ""
        self._offer_to_loop(classifier, origin)

    def _consider(self, candidate: Candidate) -> None:
        file, name = candidate.file, candidate.path.name
        self._report.candidate("examining", name)
        if file is None:
            self._refuse(candidate, file_sha256(candidate.path) or "", candidate.refusal)
        elif file.sha256 == self._sha256 or self._known(file.sha256):
            self._incoming.taken(candidate)
            self._report.candidate("none", f"{name} was already activated or refused")
        else:
            try:
                self._take(candidate, file)
            except (EnvironmentFault, OutputError) as error:
                self._incoming.later(candidate)
                self._telemetry.count("model_swaps", "postponed")
                self._report.candidate("postponed", f"{name}: {error}")
            except PartsightError as error:
                self._refuse(candidate, file.sha256, error)

    def _take(self, candidate: Candidate, file: ModelFile) -> None:
        self._require_product(file)
        rules = self.rules
        found = self._examine(file.data, rules.for_model(self._contract), self._stop)
        classifier = ready(self._load(file.data))
        detail = {"from": str(candidate.path), "by": "the line", **_measured(found)}
        kept = {**detail, "product": file.contract.product}
        activate_model(self._store, file, rules.models.keep, kept)
        self._incoming.taken(candidate)
        self._offer_to_loop(classifier, detail)

    def _require_product(self, file: ModelFile) -> None:
        """Refuse another product's model; warn once if no model names a product."""
        product, active = file.contract.product, self._contract.product
        require_configured_product(product, self._product)
        if self._product is None:
            require_same_product(product, active, _BY_HAND)
            if product is None and not self._warned_unnamed:
                self._warned_unnamed = True
                logger.warning("new model %s: %s", file.sha256[:12], UNNAMED_NOTE)

    def _offer_to_loop(self, classifier: Classifier, detail: Mapping[str, Any]) -> None:
        before, self._sha256 = self._sha256, classifier.model_sha256
        products = {
            "product": classifier.contract.product,
            "product_before": self._contract.product,
        }
        self._contract = classifier.contract
        self._telemetry.state("model", "swapping", classifier.model_sha256)
        with self._lock:
            self._offer = classifier
            # Of the latest offer, which is the one that the loop takes.
            self._origin = f"activated by {detail['by']}, from {detail['from']}"
        self._report.activated(self._sha256, before, {**products, **detail})

    def _refuse(self, candidate: Candidate, sha256: str, error: Exception | None) -> None:
        reason = " ".join(str(error).split())
        self._incoming.refuse(candidate, self._store.refused, reason)
        record(self._store, "refused", sha256, reason=reason, **{"from": str(candidate.path)})
        product = None if candidate.file is None else candidate.file.contract.product
        self._report.refused(sha256, self._sha256, str(candidate.path), error, product)

    def _known(self, sha256: str) -> bool:
        """Return whether this content of a watched file was processed already."""
        return self._incoming.is_file and any(
            entry.get("sha256") == sha256 and entry.get("from") == str(self._incoming.path)
            for entry in read_history(self._store)
        )


def _last_entry(store: ModelStore, sha256: str) -> Mapping[str, Any]:
    """Return the last entry in the history about the activation of a model; empty if none."""
    entries = reversed(read_history(store))
    found = (each for each in entries if each.get("sha256") == sha256)
    return next((each for each in found if each.get("what") != "refused"), {})


def _measured(found: Findings) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(found).items() if value is not None}
