"""Opens each component of the line as its section of the configuration says.

Components that a line does not use are not imported.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.errors import ConfigError
from partsight.inference.classifier import Classifier
from partsight.line.inspector import Inspector
from partsight.line.line_health import LineHealth
from partsight.line.request import LineRequest, Load
from partsight.model.product import require_configured_product
from partsight.records import OnEvent
from partsight.telemetry.systemd import Notifier
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.periodic import Periodic

if TYPE_CHECKING:
    from partsight.config.document import Config
    from partsight.image_store import ImageStore
    from partsight.journal import Journal
    from partsight.model_store.watch import ModelWatch
    from partsight.sinks.delivery_worker import DeliveryWorker
    from partsight.utils.elapsed import ElapsedTime

__all__ = [
    "checked_load",
    "model_notes",
    "open_clock",
    "open_delivery",
    "open_health",
    "open_journal",
    "load_first_model",
    "open_model_watch",
    "open_image_store",
    "open_pruning",
]

# At the end, for all sinks together and for images: after SIGTERM the whole line has 5 s.
_FLUSH_S = 2.0
_PRUNE_EVERY_S = 3600.0
_CLOCK_EVERY_S = 60.0


def open_journal(config: Config, telemetry: Telemetry, stack: ExitStack) -> Journal | None:
    """Open the journal, if one is configured.

    Raises:
        ConfigError: sinks are configured without a journal.
        OutputError: it cannot be opened.
    """
    if config.journal.path is None:
        if config.sinks:
            raise ConfigError(
                "[[sinks]] need a journal, from which they read verdicts. Set --journal, or "
                "path in [journal]."
            )
        telemetry.state("journal", "none", "verdicts are not kept")
        return None
    from partsight.journal import Journal

    return stack.enter_context(Journal(config.journal.path, telemetry))


def open_delivery(
    config: Config, journal: Journal | None, telemetry: Telemetry, stack: ExitStack
) -> list[DeliveryWorker]:
    """Start a thread for each sink; at the end of the line it delivers the rest.

    Without ``[[sinks]]`` the standard output is the only one.
    """
    if journal is None:
        return []
    from partsight.config.sinks import StdoutSinkConfig
    from partsight.sinks.delivery_worker import close_workers
    from partsight.sinks.open import workers

    sinks = config.sinks or (StdoutSinkConfig(kind="stdout"),)
    opened = workers(sinks, journal, telemetry)
    for worker in opened:
        worker.start()
    stack.callback(close_workers, opened, _FLUSH_S)
    return opened


def open_clock(config: Config, telemetry: Telemetry, stack: ExitStack) -> ElapsedTime | None:
    """Count known time, if verdicts or images are deleted by age.

    The state ``deletion by age`` says ``suspended`` while the clock may be wrong.
    """
    if config.pictures.folder is None and config.journal.keep_days is None:
        return None
    from partsight.utils.elapsed import ElapsedTime, record_path

    record = record_path(config.journal.path, config.pictures.folder)
    if record is None:  # keep_days without a journal
        return None

    def changed(reason: str | None) -> None:
        telemetry.state("deletion by age", "suspended" if reason else "running", reason or "")

    elapsed = ElapsedTime(record, _newest_s(config), changed)
    stack.enter_context(Periodic("clock", elapsed.update, _CLOCK_EVERY_S))
    return elapsed


def _newest_s(config: Config) -> float | None:
    """Unix seconds of the newest verdict or image, by the clock of its day."""
    newest_s = None
    if config.journal.path is not None:
        from partsight.journal.ages import newest_row_s

        newest_s = newest_row_s(config.journal.path)
    if newest_s is None and config.pictures.folder is not None:
        from partsight.image_store.day_folders import newest_day_s

        newest_s = newest_day_s(config.pictures.folder)
    return newest_s


def open_pruning(
    config: Config,
    journal: Journal | None,
    workers: Sequence[DeliveryWorker],
    elapsed: ElapsedTime | None,
    stack: ExitStack,
) -> None:
    """Delete old verdicts at the start and then hourly, in a thread of its own."""
    kept = config.journal
    if journal is None or (kept.keep_days is None and kept.keep_rows is None):
        return
    ages = None
    if elapsed is not None and kept.keep_days is not None:
        from partsight.journal.ages import RowAges

        ages = RowAges(journal.path, elapsed, kept.keep_days)

    def prune() -> None:
        delivered = min((worker.position for worker in workers), default=None)
        aged = None if ages is None else ages.aged()
        journal.prune(keep_rows=kept.keep_rows, delivered=delivered, aged=aged)

    stack.enter_context(Periodic("prune", prune, _PRUNE_EVERY_S))


def open_image_store(
    config: Config,
    elapsed: ElapsedTime | None,
    telemetry: Telemetry,
    on_event: OnEvent,
    stack: ExitStack,
) -> ImageStore | None:
    """Open the store of images, if the line saves any."""
    pictures = config.pictures
    if pictures.folder is None:
        return None
    from partsight.image_store import ImageStore

    def lost(path: str, reason: str) -> None:
        on_event("picture_lost", {"picture": path, "reason": reason})

    return stack.enter_context(
        ImageStore(
            pictures.folder,
            pictures,
            telemetry,
            lost,
            close_timeout_s=_FLUSH_S,
            elapsed=elapsed,
        )
    )


def model_notes(config: Config, product: str | None) -> list[str]:
    """Return notes for the operator on how new models are accepted, one sentence each.

    Args:
        config: of the line.
        product: product of the model that the line starts with.
    """
    models, notes = config.models, []
    if models.store is None:
        return []
    if models.challenge is None:
        notes.append(
            "no acceptance set configured (models.challenge): new models are activated after "
            "the checks of digest, signature, labels, product, trial and golden samples only"
        )
    if models.product is None and product is None:
        notes.append(
            "the model has no product name and models.product is not set: a new model of another "
            "product with the same labels would be activated. Name the product: partsight train "
            "--product NAME"
        )
    return notes


def load_first_model(request: LineRequest, telemetry: Telemetry, on_event: OnEvent) -> Classifier:
    """Load the model that the line starts with.

    Raises:
        ConfigError: neither a model nor a store is configured.
        ModelError: the model cannot be run.
    """
    models = request.config.models
    if models.store is not None:
        from partsight.model_store.start import start
        from partsight.model_store.store import ModelStore

        first = None if request.model is None else Path(request.model)
        store = ModelStore(models.store)
        return start(
            store,
            request.load,
            telemetry,
            on_event,
            first=first,
            keep=models.keep,
            product=models.product,
        )
    if request.model is None:
        raise ConfigError("no model is given. Give MODEL, or set store in [models].")
    classifier = request.load(request.model)
    telemetry.state("model", "running", classifier.model_sha256)
    return classifier


def checked_load(load: Load, product: str | None) -> Load:
    """Return a loader that also refuses a model of another product than configured.

    Args:
        load: loads a model.
        product: ``models.product``; None accepts every product.
    """

    def checked(model: str | bytes) -> Classifier:
        classifier = load(model)
        name = model if isinstance(model, str) else "the model"
        require_configured_product(classifier.contract.product, product, name)
        return classifier

    return checked


def open_model_watch(
    request: LineRequest,
    inspector: Inspector,
    telemetry: Telemetry,
    on_event: OnEvent,
    stack: ExitStack,
) -> ModelWatch | None:
    """Start the watch for new models, if this device has a store."""
    models = request.config.models
    if models.store is None:
        return None
    from partsight.model_store.store import ModelStore
    from partsight.model_store.watch import ModelWatch
    from partsight.qualification.isolated import examine_isolated
    from partsight.qualification.rules import Rules

    return stack.enter_context(
        ModelWatch(
            ModelStore(models.store),
            inspector.classifier,
            request.load,
            telemetry,
            rules=Rules.of(request.config),
            examine=functools.partial(
                examine_isolated, trust=request.trust, options=request.options
            ),
            incoming=models.incoming,
            product=models.product,
            on_event=on_event,
        )
    )


def open_health(
    config: Config, inspector: Inspector, telemetry: Telemetry, stack: ExitStack
) -> LineHealth:
    """Start the health server and systemd's notifications.

    If the address cannot be listened on, the state ``health`` says so, and the line runs on.
    """

    def model() -> dict[str, str]:
        classifier = inspector.classifier
        contract = classifier.contract
        return {
            "sha256": classifier.model_sha256,
            "version": contract.version or "",
            "product": contract.product or "",
        }

    named = {"journal": config.journal.path, "pictures": config.pictures.folder}
    places = {name: Path(path) for name, path in named.items() if path is not None}
    notifier = Notifier.from_environ()  # removes the variables, so call it once
    try:
        return stack.enter_context(LineHealth(telemetry, model, config.health, places, notifier))
    except ConfigError as error:
        telemetry.state("health", "failing", str(error))
        disabled = config.health.model_copy(update={"enabled": False})
        return stack.enter_context(LineHealth(telemetry, model, disabled, places, notifier))
