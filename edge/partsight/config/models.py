"""``[models]`` and ``[shadow]``: models that this device keeps, activates and tries."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, PositiveFloat, PositiveInt, model_validator

from partsight.config.decision import Share
from partsight.config.section import ConfigPath, Section, key
from partsight.model.product import clean_product

__all__ = ["ModelsConfig", "ShadowConfig"]

Product = Annotated[str, AfterValidator(clean_product)]


class ModelsConfig(Section):
    """Models that this device keeps, and checks before a new one is activated."""

    store: ConfigPath | None = key(
        None,
        "Folder for the models, named by SHA-256, and for the record of the active model. Without "
        "this key, the line runs the MODEL of the command line.",
    )
    incoming: ConfigPath | None = key(
        None,
        "Where new models arrive: a folder, or a file that is replaced. Default: the folder "
        "'incoming' of the store.",
    )
    keep: PositiveInt = key(
        5, "Models kept in the store; the active and the previous one are always kept."
    )
    product: Product | None = key(
        None,
        "Product of this line. Only its models, made by 'partsight train --product', are run, "
        "activated, rolled back to or tried in shadow mode; case counts. Default: a new model "
        "must be of the active model's product. 'classify', 'evaluate' and the Python API run any "
        "model.",
    )
    allow_other_labels: bool = key(False, "Allow other labels than those of the active model.")
    require_golden: bool = key(
        True,
        "Refuse a model without golden samples. Golden samples that a model has are always "
        "replayed.",
    )
    challenge: ConfigPath | None = key(
        None,
        "Acceptance set: folder with a sub-folder of images per label, on which a new model must "
        "reach min_accuracy, min_recall_of_bad or both.",
    )
    min_accuracy: Share | None = key(
        None, "Share of images of the acceptance set that must get the right label."
    )
    min_recall_of_bad: Share | None = key(
        None, "Share of bad parts of the acceptance set that must not be accepted."
    )
    interval_s: PositiveFloat = key(1.0, "Seconds between checks for new models.")

    @model_validator(mode="after")
    def _whole(self) -> ModelsConfig:
        scores = [self.min_accuracy, self.min_recall_of_bad]
        if (self.challenge is None) != (scores == [None, None]):
            raise ValueError(
                "models.challenge goes with models.min_accuracy or models.min_recall_of_bad: an "
                "acceptance set needs a score to reach. Give both or neither"
            )
        if self.store is None and self.incoming is not None:
            raise ValueError("models.incoming needs models.store, where models are kept")
        return self


class ShadowConfig(Section):
    """A second model that classifies the same frames and does not influence the verdict."""

    model: ConfigPath | None = key(
        None, "Model file. Its results are only journalled; see 'partsight model shadow-report'."
    )
