"""``[source]``: where frames come from, and what is done when they do not."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from partsight.config.address_credentials import require_usable
from partsight.config.broker import Text, no_second_secret
from partsight.config.section import Address, Place, Section
from partsight.errors import ConfigError

__all__ = ["CameraConfig", "ConditionsConfig", "FolderConfig", "SourceConfig"]

_Level = Annotated[float, Field(ge=0, le=255)]


class CameraConfig(Section):
    """What a camera is set to; what is left out stays as the camera has it."""

    width: PositiveInt | None = Field(default=None, description="Columns of a frame, pixels.")
    height: PositiveInt | None = Field(default=None, description="Rows of a frame, pixels.")
    fps: PositiveFloat | None = Field(
        default=None,
        description="Frames per second; of a snapshot address, requests per second, 5 if left out.",
    )
    pixel_format: str | None = Field(
        default=None,
        pattern=r"^[ -~]{4}$",
        description="How the camera sends pixels, four characters such as MJPG or YUYV.",
    )
    exposure_ms: PositiveFloat | None = Field(
        default=None, description="Fixed exposure, milliseconds; automatic if left out."
    )
    gain: float | None = Field(default=None, description="Fixed gain, in the camera's own units.")
    focus: float | None = Field(
        default=None, description="Fixed focus, in the camera's own units; automatic if left out."
    )
    white_balance_k: PositiveInt | None = Field(
        default=None, description="Fixed white balance, kelvin; automatic if left out."
    )


class ConditionsConfig(Section):
    """When a frame is not fit for inspection. It then gets the fail-safe verdict.

    Every kind of source is checked. Frozen is told for cameras, streams and watched folders; for a
    video file where one of its two keys is set; never for a folder that is read once.
    """

    dark_below: _Level = Field(
        default=5.0, description="Mean brightness below which a frame is dark, 0 to 255; 0 is off."
    )
    bright_above: _Level = Field(
        default=250.0, description="Mean brightness above which it is bright; 255 is off."
    )
    blurred_below: PositiveFloat | None = Field(
        default=None,
        description="Variance of the Laplacian in the middle of the frame below which it is "
        "blurred. It depends on lens and part: half of what a sharp part has. For JPEG files in a "
        "folder it is that of the frame as decoded for the model. Off if left out.",
    )
    frozen_frames: NonNegativeInt = Field(
        default=10,
        description="So many identical frames in succession, and ... A video file may stand still: "
        "it is frozen only where this key or the next is set.",
    )
    frozen_after_s: float = Field(
        default=5.0,
        ge=0,
        allow_inf_nan=False,
        description="... for so many seconds, by the times of the files in a watched folder: the "
        "camera is frozen. frozen_frames = 0 is off.",
    )


class FolderConfig(Section):
    """How a folder is read."""

    watch: bool = Field(
        default=False,
        description="Wait for new and overwritten files, also in folders below it and in those "
        "that are made later, such as one per day; otherwise end after those that are there.",
    )
    existing: bool = Field(
        default=False, description="Judge what is there at the start too, where watch is true."
    )
    settle_s: float = Field(
        default=0.5,
        ge=0,
        allow_inf_nan=False,
        description="Seconds without a change after which a file that was not renamed into place "
        "is whole; at least 2 where the filesystem counts whole seconds.",
    )
    poll_s: PositiveFloat = Field(
        default=0.1, allow_inf_nan=False, description="How often the folder is looked at."
    )


class SourceConfig(Section):
    """Where frames come from."""

    address: Address | None = Field(
        default=None,
        description="Camera number, /dev/videoN, rtsp:// or http:// address (a stream, or a "
        "snapshot that is asked for over and over), video file or folder. What exists on disk wins "
        "over the form of the address.",
    )
    username: Text | None = Field(
        default=None,
        description="User at a camera with an rtsp:// or http:// address, instead of one in it.",
    )
    password_env: Text | None = Field(
        default=None, description="Environment variable that holds the user's password."
    )
    password_file: Place | None = Field(
        default=None, description="File that holds the user's password, instead of a variable."
    )
    realtime: bool = Field(
        default=False, description="Play a video file at its own speed, as a camera would."
    )
    warm_up_frames: NonNegativeInt = Field(
        default=5, description="First frames of a camera or stream that are skipped."
    )
    delay_s: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds that a frame takes from the camera to here, as streams do; what "
        "comes within them after a trigger was taken before it, and is not used for it.",
    )
    open_timeout_s: PositiveFloat = Field(
        default=15.0, description="Seconds from opening to the first frame; then opened again."
    )
    stale_after_s: PositiveFloat = Field(
        default=2.0,
        description="Seconds without a frame after which the source is stale; inf where it is "
        "the camera that is triggered.",
    )
    read_timeout_s: PositiveFloat = Field(
        default=5.0,
        description="Seconds without a frame after which it is killed and reopened; or inf.",
    )
    camera: CameraConfig = Field(
        default=CameraConfig(), description="What the camera is set to after it is opened."
    )
    conditions: ConditionsConfig = Field(
        default=ConditionsConfig(), description="When a picture is not fit to be judged."
    )
    folder: FolderConfig = Field(default=FolderConfig(), description="How a folder is read.")

    @model_validator(mode="after")
    def _in_order(self) -> SourceConfig:
        no_second_secret("password", self.password_env, self.password_file)
        if self.username is None and (self.password_env or self.password_file):
            raise ValueError("a password needs the username that it is of")
        if self.address is not None:
            try:
                require_usable(self.address, self.username)
            except ConfigError as error:
                raise ValueError(str(error)) from None
        if self.stale_after_s > self.read_timeout_s:
            raise ValueError("stale_after_s must not be above read_timeout_s")
        if self.camera.fps is not None and self.camera.fps * self.stale_after_s <= 1:
            raise ValueError(
                f"camera.fps = {self.camera.fps:g} is a frame every {1 / self.camera.fps:g} s: "
                "stale_after_s must be above that, and read_timeout_s too"
            )
        if self.conditions.dark_below >= self.conditions.bright_above:
            raise ValueError("conditions.dark_below must be below conditions.bright_above")
        return self
