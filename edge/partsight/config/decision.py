"""``[decision]``: how scores become verdicts, where the line's owner wants it otherwise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from partsight.config.section import Section

__all__ = ["DecisionConfig", "Share"]

Share = Annotated[float, Field(ge=0, le=1)]
GreyLevels = Annotated[float, Field(ge=0, le=255)]


class DecisionConfig(Section):
    """How scores become verdicts."""

    accept_above: Share | None = Field(
        default=None,
        description="A part is accepted above this score; the model's own threshold if left out. "
        "The score is the sum over the labels of good parts.",
    )
    reject_below: Share | None = Field(
        default=None,
        description="A part is rejected below this score; the model's own threshold if left out. "
        "Between the two, a person looks.",
    )
    min_contrast: GreyLevels | None = Field(
        default=None,
        description="A picture whose central 85 % spread over fewer grey levels shows no part: its "
        "verdict is review. The model's own limit if left out, 10 unless it was trained with "
        "another; 0 is off.",
    )
    fail_safe: Literal["reject", "review"] = Field(
        default="reject",
        description="The verdict for a part that could not be judged: no frame, a dark one, a "
        "model that fails. It can never be accept.",
    )
    votes: PositiveInt = Field(
        default=1,
        description="For a camera that runs freely: a part is accepted only if so many of the "
        "last 'window' frames are. Refused where each frame shows another part: with a folder, and "
        "with a trigger other than frame or interval.",
    )
    window: PositiveInt = Field(
        default=1,
        description="How many of the last frames vote; 1 judges each frame by itself. It needs "
        "votes.",
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
