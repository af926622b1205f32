"""The swap of models while the line runs: a thread looks for new ones, the loop takes them.

Enters: files in the incoming place, and a pointer that the command line moved. Leaves: a loaded
classifier, for whoever asks between two frames. Everything that takes time happens here, before
that: examination (in another process), loading, and a first run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from partsight.errors import EnvironmentFault, OutputError, PartsightError
from partsight.inference.classifier import Classifier
from partsight.model.file import ModelFile, load_model_file
from partsight.model.product import require_configured_product, require_same_product
from partsight.model_store.activate import put_in_force, record
from partsight.model_store.history import read_history
from partsight.model_store.incoming import Candidate, Incoming
from partsight.model_store.products import UNNAMED_NOTE, described
from partsight.model_store.start import Load, ready
from partsight.model_store.store import ModelStore, activated, read_stored
from partsight.qualification.isolated import Examine, Stopped
from partsight.qualification.rules import Findings, Rules
from partsight.records import OnEvent
from partsight.telemetry.telemetry import Telemetry

__all__ = ["ModelWatch"]

logger = logging.getLogger(__name__)

_DEFAULTS = Rules()
# A share that is away can hold a look up for minutes, the end of the line must not be.
_LEAVE_S = 3.0
# What the state is called of what may come next.
_CANDIDATE = "model candidate"
_BY_HAND = "put it in force by hand: partsight model activate MODEL --allow-other-product"


class ModelWatch:
    """Looks for new models in a thread, while it is open.

    Args:
        store: where models are kept.
        in_force: the one that the line started with.
        load: makes a classifier of bytes; raises ``ModelError``.
        telemetry: gets the state, and counts what became of new models.
        examine: examines a new model; raises ``PartsightError`` for one that must not be run.
        rules: rules for new models; may be replaced at any time, as ``rules``.
        place: where new models are dropped; None is the store's own folder.
        product: that is configured; None takes the active model's for the product.
        on_event: is told ``"model"`` and what became of a new model, in this thread.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        store: ModelStore,
        in_force: Classifier,
        load: Load,
        telemetry: Telemetry,
        *,
        examine: Examine,
        rules: Rules = _DEFAULTS,
        place: Path | None = None,
        product: str | None = None,
        on_event: OnEvent = lambda kind, detail: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rules = rules
        self._store, self._load, self._telemetry, self._on_event = store, load, telemetry, on_event
        self._examine = examine
        self._incoming = Incoming(store.incoming if place is None else place, clock)
        self._product = product
        self._sha256, self._contract = in_force.model_sha256, in_force.contract
        # What the loop judges by, and where the offer that it may take came from.
        self._judging, self._whence = described(self._sha256, self._contract), ""
        self._unnamed_told = False
        # What the pointer named and could not be loaded is not tried at each turn.
        self._unusable = ""
        self._offer: Classifier | None = None
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-watch", daemon=True)

    def __enter__(self) -> ModelWatch:
        if not self._incoming.is_file:
            with contextlib.suppress(OSError):  # one that is made later is found then
                self._incoming.place.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(_LEAVE_S)
        if self._thread.is_alive():
            logger.warning("%s does not answer; it is left", self._incoming.place)

    def poll(self) -> Classifier | None:
        """A new classifier to go on with from the next frame, or None; takes no time.

        It is the caller's from then on, and nobody else's.
        """
        if self._offer is None:
            return None
        with self._lock:
            offer, self._offer = self._offer, None
        if offer is not None:
            self._telemetry.state("model", "running", offer.model_sha256)
        return offer

    def swapped(self, classifier: Classifier) -> None:
        """The loop judges by another model from here on: say from which to which, and why."""
        before, contract = self._judging, classifier.contract
        self._judging = described(classifier.model_sha256, contract)
        logger.warning("model %s replaced by %s, %s", before, self._judging, self._whence)

    def turn(self) -> None:
        """Look once; what the thread does at each interval."""
        self._follow_pointer()
        for candidate in self._incoming.look():
            self._consider(candidate)

    def _run(self) -> None:
        while not self._stop.wait(self.rules.models.interval_s):
            try:
                self.turn()
            except Stopped:
                return
            except PartsightError as error:  # told once, as states are
                self._telemetry.state(_CANDIDATE, "failed", str(error))
            except Exception as error:
                # The line goes on with the model that it has, and this thread with looking.
                logger.exception("looking for a new model failed")
                self._telemetry.state(_CANDIDATE, "failed", str(error))

    def _follow_pointer(self) -> None:
        """Take what 'partsight model' put in force."""
        active = next(iter(activated(self._store)), self._sha256)
        if active in (self._sha256, self._unusable):
            return
        entry = _last_entry(self._store, active)
        whence = {
            "from": entry.get("from", "the store"),
            "by": entry.get("by", "the store's pointer"),
        }
        try:
            data = read_stored(self._store, active)
            # A change of product by hand was asked for there; what is configured holds here too.
            require_configured_product(load_model_file(data).contract.product, self._product)
            classifier = ready(self._load(data))
        except PartsightError as error:
            self._unusable = active
            self._telemetry.state(
                _CANDIDATE, "examining", active
            )  # so that a second one is told too
            self._refused(active, whence["by"], error)
            return
        self._unusable = ""
        self._offered(classifier, whence)

    def _consider(self, candidate: Candidate) -> None:
        file, name = candidate.file, candidate.path.name
        self._telemetry.state(_CANDIDATE, "examining", name)
        if file is None:
            self._refuse(candidate, _digest(candidate.path), candidate.refusal)
        elif file.sha256 == self._sha256 or self._known(file.sha256):
            self._incoming.taken(candidate)
            self._telemetry.state(_CANDIDATE, "none", f"{name} is known already")
        else:
            try:
                self._take(candidate, file)
            except (EnvironmentFault, OutputError) as error:
                self._incoming.later(candidate)
                self._telemetry.count("model_swaps", "postponed")
                self._telemetry.state(_CANDIDATE, "postponed", f"{name}: {error}")
            except PartsightError as error:
                self._refuse(candidate, file.sha256, error)

    def _take(self, candidate: Candidate, file: ModelFile) -> None:
        self._require_product(file)
        rules = self.rules
        found = self._examine(file.data, rules.for_model(self._contract), self._stop)
        classifier = ready(self._load(file.data))
        detail = {"from": str(candidate.path), "by": "the line", **_told(found)}
        kept = {**detail, "product": file.contract.product}
        put_in_force(self._store, file, rules.models.keep, kept)
        self._incoming.taken(candidate)
        self._offered(classifier, detail)

    def _require_product(self, file: ModelFile) -> None:
        """Refuse another product's model; say once that nothing can be compared."""
        product, active = file.contract.product, self._contract.product
        require_configured_product(product, self._product)
        if self._product is None:
            require_same_product(product, active, _BY_HAND)
            if product is None and not self._unnamed_told:
                self._unnamed_told = True
                logger.warning("new model %s: %s", file.sha256[:12], UNNAMED_NOTE)

    def _offered(self, classifier: Classifier, detail: Mapping[str, Any]) -> None:
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
            self._whence = f"put in force by {detail['by']}, from {detail['from']}"
        self._telemetry.count("model_swaps", "activated")
        self._telemetry.state(_CANDIDATE, "taken", classifier.model_sha256)
        event = {"outcome": "activated", "model": self._sha256, "before": before, **products}
        self._tell({**event, **detail})

    def _refuse(self, candidate: Candidate, sha256: str, error: Exception | None) -> None:
        reason = " ".join(str(error).split())
        self._incoming.refuse(candidate, self._store.refused, reason)
        record(self._store, "refused", sha256, reason=reason, **{"from": str(candidate.path)})
        product = None if candidate.file is None else candidate.file.contract.product
        self._refused(sha256, str(candidate.path), error, product)

    def _refused(
        self, sha256: str, whence: str, error: Exception | None, product: str | None = None
    ) -> None:
        reason = " ".join(str(error).split())
        self._telemetry.count("model_swaps", "refused")
        self._telemetry.state(_CANDIDATE, "refused", f"{whence}: {reason}")
        event = {"outcome": "refused", "model": sha256, "before": self._sha256, "from": whence}
        self._tell({**event, "product": product, "reason": reason})

    def _tell(self, event: Mapping[str, Any]) -> None:
        try:
            self._on_event("model", event)
        except PartsightError as error:
            # What was done to the model is done, whether or not it can be written down.
            logger.warning("%s", error)

    def _known(self, sha256: str) -> bool:
        """Whether this content of a watched file was dealt with already, perhaps rolled back."""
        return self._incoming.is_file and any(
            entry.get("sha256") == sha256 and entry.get("from") == str(self._incoming.place)
            for entry in read_history(self._store)
        )


def _last_entry(store: ModelStore, sha256: str) -> Mapping[str, Any]:
    """What the history last says of how a model was put in force; empty where it says nothing."""
    entries = reversed(read_history(store))
    found = (each for each in entries if each.get("sha256") == sha256)
    return next((each for each in found if each.get("what") != "refused"), {})


def _digest(path: Path) -> str:
    with contextlib.suppress(OSError):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return ""


def _told(found: Findings) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(found).items() if value is not None}
