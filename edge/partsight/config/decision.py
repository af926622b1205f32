"""``[decision]``: how scores become verdicts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from partsight.config.section import Section, key

__all__ = ["DecisionConfig", "Share"]

Share = Annotated[float, Field(ge=0, le=1)]
GreyLevels = Annotated[float, Field(ge=0, le=255)]


class DecisionConfig(Section):
    """How scores become verdicts."""

    accept_above: Share | None = key(
        None,
        "Score above which a part is accepted: the sum over the labels of good parts. Default: "
        "the model's threshold.",
    )
    reject_below: Share | None = key(
        None,
        "Score below which a part is rejected. Between the two thresholds, a person reviews it. "
        "Default: the model's threshold.",
    )
    min_contrast: GreyLevels | None = key(
        None,
        "Grey levels that the middle 85 % of the pixel values of an image must span; an image with "
        "fewer shows no part, and its verdict is review; 0 is off. Default: the model's limit, "
        "which is 10 unless another was set at training.",
    )
    fail_safe: Literal["reject", "review"] = key(
        "reject",
        "Verdict for a part that could not be inspected: no frame, a dark frame, a failing model. "
        "The verdict accept is not possible.",
    )
    votes: PositiveInt = key(
        1,
        "For a camera that runs freely: number of the last 'window' frames that must be accepted "
        "for a part to be accepted. Refused if each frame shows another part: with a folder, and "
        "with a trigger other than frame or interval.",
    )
    window: PositiveInt = key(
        1, "Number of last frames that vote; 1 decides on each frame alone. Needs votes."
    )

    @model_validator(mode="after")
    def _possible(self) -> DecisionConfig:
        low, high = self.reject_below, self.accept_above
        if low is not None and high is not None and low > high:
            raise ValueError(
                f"decision.reject_below must not be above decision.accept_above. Received: {low} "
                f"and {high}"
            )
        if self.window > 1 and "votes" not in self.model_fields_set:
            raise ValueError(
                f"decision.window = {self.window} needs decision.votes: without it, one accepted "
                f"frame of {self.window} would accept the part. Set votes, usually above half of "
                "window"
            )
        if self.votes > self.window:
            raise ValueError(
                "decision.votes must not be above decision.window. Received: "
                f"{self.votes} and {self.window}"
            )
        return self
