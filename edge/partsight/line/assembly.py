"""How each part of the line is opened, by its section of the configuration.

What a line does not have is not imported.
"""

from __future__ import annotations

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

__all__ = [
    "checked_load",
    "model_notes",
    "open_feeders",
    "open_health",
    "open_journal",
    "open_model",
    "open_models",
    "open_image_store",
    "open_pruning",
]

# Once the line ends, for all sinks together and for pictures: SIGTERM leaves 5 s for everything.
_FLUSH_S = 2.0
_PRUNE_EVERY_S = 3600.0


def open_journal(config: Config, telemetry: Telemetry, stack: ExitStack) -> Journal | None:
    """The journal, if the line keeps one.

    Raises:
        ConfigError: sinks without a journal.
        OutputError: it cannot be opened.
    """
    if config.journal.path is None:
        if config.sinks:
            raise ConfigError(
                "there are [[sinks]] and no journal, which they are fed from. Say --journal, or "
                "path in [journal]."
            )
        telemetry.state("journal", "none", "verdicts are not kept")
        return None
    from partsight.journal import Journal

    return stack.enter_context(Journal(config.journal.path, telemetry))


def open_feeders(
    config: Config, journal: Journal | None, telemetry: Telemetry, stack: ExitStack
) -> list[DeliveryWorker]:
    """A thread for each sink, which hands on what is left when the line ends."""
    if journal is None or not config.sinks:
        return []
    from partsight.sinks.delivery_worker import close_feeders
    from partsight.sinks.open import workers

    opened = workers(config.sinks, journal, telemetry)
    for worker in opened:
        worker.start()
    stack.callback(close_feeders, opened, _FLUSH_S)
    return opened


def open_pruning(
    config: Config, journal: Journal | None, workers: Sequence[DeliveryWorker], stack: ExitStack
) -> None:
    """Let old verdicts go, at the start and then hourly, in a thread of its own."""
    kept = config.journal
    if journal is None or (kept.keep_days is None and kept.keep_rows is None):
        return

    def prune() -> None:
        handed_on = min((worker.position for worker in workers), default=None)
        journal.prune(keep_days=kept.keep_days, keep_rows=kept.keep_rows, handed_on=handed_on)

    stack.enter_context(Periodic("prune", prune, _PRUNE_EVERY_S))


def open_image_store(
    config: Config, telemetry: Telemetry, on_event: OnEvent, stack: ExitStack
) -> ImageStore | None:
    """The store of frames, if the line keeps any."""
    pictures = config.pictures
    if pictures.folder is None:
        return None
    from partsight.image_store import ImageStore

    def lost(path: str, reason: str) -> None:
        on_event("picture_lost", {"picture": path, "reason": reason})

    return stack.enter_context(
        ImageStore(pictures.folder, pictures, telemetry, lost, close_timeout_s=_FLUSH_S)
    )


def model_notes(config: Config, product: str | None) -> list[str]:
    """What people must know of how new models are taken, a sentence each.

    Args:
        config: of the line.
        product: of the model that the line starts with.
    """
    models, notes = config.models, []
    if models.store is None:
        return []
    if models.challenge is None:
        notes.append(
            "no acceptance set configured (models.challenge): new models are activated after "
            "digest, signature, labels, product, trial and golden samples only"
        )
    if models.product is None and product is None:
        notes.append(
            "the model has no product name and models.product is not set: a new model of another "
            "product with the same labels would be activated. Name the product: partsight train "
            "--product NAME"
        )
    return notes


def open_model(request: LineRequest, telemetry: Telemetry, on_event: OnEvent) -> Classifier:
    """The model to begin with.

    Raises:
        ConfigError: there is neither one nor a store.
        ModelError: it cannot be run.
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
        raise ConfigError("no model is given. Say MODEL, or store in [models].")
    classifier = request.load(request.model)
    telemetry.state("model", "running", classifier.model_sha256)
    return classifier


def checked_load(load: Load, product: str | None) -> Load:
    """The same loading, which also refuses a model of another product than is configured.

    Args:
        load: loads a model.
        product: ``models.product``; None allows every product.
    """

    def checked(model: str | bytes) -> Classifier:
        classifier = load(model)
        name = model if isinstance(model, str) else "the model"
        require_configured_product(classifier.contract.product, product, name)
        return classifier

    return checked


def open_models(
    request: LineRequest,
    inspector: Inspector,
    telemetry: Telemetry,
    on_event: OnEvent,
    stack: ExitStack,
) -> ModelWatch | None:
    """The watch over new models, if this device has a store of them."""
    models = request.config.models
    if models.store is None:
        return None
    from partsight.model_store.store import ModelStore
    from partsight.model_store.watch import ModelWatch
    from partsight.qualification.rules import settings_of

    return stack.enter_context(
        ModelWatch(
            ModelStore(models.store),
            inspector.classifier,
            request.load,
            telemetry,
            settings=settings_of(request.config),
            place=models.incoming,
            product=models.product,
            on_event=on_event,
        )
    )


def open_health(
    config: Config, inspector: Inspector, telemetry: Telemetry, stack: ExitStack
) -> LineHealth:
    """Answers over HTTP, and systemd's notifications.

    An address that cannot be listened on is a state: parts are inspected all the same.
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
    notifier = Notifier.from_environ()  # which can be had once
    try:
        return stack.enter_context(LineHealth(telemetry, model, config.health, places, notifier))
    except ConfigError as error:
        telemetry.state("health", "failing", str(error))
        silent = config.health.model_copy(update={"enabled": False})
        return stack.enter_context(LineHealth(telemetry, model, silent, places, notifier))
