"""``[models]`` and ``[shadow]``: which models this device keeps, takes and tries."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

from partsight.config.decision import Share
from partsight.config.section import Place, Section
from partsight.model.product import clean_product

__all__ = ["ModelsConfig", "ShadowConfig"]

Product = Annotated[str, AfterValidator(clean_product)]


class ModelsConfig(Section):
    """Which models this device keeps, and what a new one must pass before it is put in force."""

    store: Place | None = Field(
        default=None,
        description="The folder where models are kept by digest, with the one that is active. "
        "Without it, the line runs the model that the command line names.",
    )
    incoming: Place | None = Field(
        default=None,
        description="Where new models are dropped: a folder, or a file that is replaced by newer "
        "ones. The folder 'incoming' of the store if left out.",
    )
    keep: PositiveInt = Field(
        default=5,
        description="How many models stay in the store. The active one and the one before it "
        "always do.",
    )
    product: Product | None = Field(
        default=None,
        description="The product that this line makes. Only models of this product, by 'partsight "
        "train --product', are run, activated, rolled back to or tried in shadow mode; case "
        "counts. If left out, a new model must be of the active model's product. 'classify', "
        "'evaluate' and the Python API run any model.",
    )
    allow_other_labels: bool = Field(
        default=False,
        description="Whether a new model may have other labels, or accept others, than the active "
        "one.",
    )
    require_golden: bool = Field(
        default=True,
        description="Whether a new model must hold golden samples. Those that it holds are always "
        "replayed.",
    )
    challenge: Place | None = Field(
        default=None,
        description="The acceptance set: a folder of pictures, a sub-folder per label, that a new "
        "model must judge well enough.",
    )
    min_accuracy: Share | None = Field(
        default=None, description="The share of the acceptance set's pictures that must be right."
    )
    min_recall_of_bad: Share | None = Field(
        default=None,
        description="The share of the acceptance set's bad parts that must not be accepted.",
    )
    interval_s: PositiveFloat = Field(
        default=1.0, description="Seconds between two looks for a new model."
    )

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
    """A second model that judges the same frames, with no say in the verdict."""

    model: Place | None = Field(
        default=None,
        description="The model file. What it says is only journalled; see 'partsight model "
        "shadow-report'.",
    )
