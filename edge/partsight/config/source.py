"""``[source]``: where frames come from, and what happens when none come."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from partsight.config.address_credentials import require_usable
from partsight.config.secret import no_second_secret
from partsight.config.section import ConfigPath, Section, SourceAddress, key
from partsight.config.value_types import Text
from partsight.errors import ConfigError

__all__ = ["CameraConfig", "ConditionsConfig", "FolderConfig", "SourceConfig"]

_Level = Annotated[float, Field(ge=0, le=255)]


class CameraConfig(Section):
    """Settings of the camera; a key that is left out stays as the camera has it."""

    width: PositiveInt | None = key(None, "Width of a frame, pixels.")
    height: PositiveInt | None = key(None, "Height of a frame, pixels.")
    fps: PositiveFloat | None = key(
        None, "Frames per second; for a snapshot address: requests per second (default 5)."
    )
    pixel_format: str | None = key(
        None, "Pixel format, such as MJPG or YUYV.", pattern=r"^[ -~]{4}$"
    )
    exposure_ms: PositiveFloat | None = key(None, "Fixed exposure, ms. Default: not changed.")
    gain: float | None = key(None, "Fixed gain, in the camera's units. Default: not changed.")
    focus: float | None = key(None, "Fixed focus, in the camera's units. Default: not changed.")
    white_balance_k: PositiveInt | None = key(None, "Fixed white balance, K. Default: not changed.")


class ConditionsConfig(Section):
    """When a frame is not fit for inspection, so that it gets the fail-safe verdict.

    Every kind of source is checked. A frozen camera is detected for cameras, streams and watched
    folders; for a video file only if one of its two keys is set; never for a folder that is read
    once.
    """

    dark_below: _Level = key(5.0, "Mean brightness below which a frame is dark; 0 is off.")
    bright_above: _Level = key(250.0, "Mean brightness above which a frame is bright; 255 is off.")
    blurred_below: PositiveFloat | None = key(
        None,
        "Sharpness (variance of the Laplacian in the middle of the frame) below which a frame is "
        "blurred; set half of the value of a sharp part. For JPEG files in a folder, the "
        "sharpness is that of the frame as decoded for the model. Default: off.",
    )
    frozen_frames: NonNegativeInt = key(
        10,
        "Identical frames in a row that, together with frozen_after_s, mean that the camera is "
        "frozen; 0 is off. A video file may stand still: it is checked only if this key or "
        "frozen_after_s is set.",
    )
    frozen_after_s: float = key(
        5.0,
        "Seconds that the identical frames of frozen_frames must last, in a watched folder by the "
        "times of the files.",
        ge=0,
        allow_inf_nan=False,
    )


class FolderConfig(Section):
    """How a folder is read."""

    watch: bool = key(
        False,
        "true: wait for new and overwritten files, also in present and future sub-folders, such as "
        "one per day; false: end after the files that are there.",
    )
    existing: bool = key(False, "With watch: also inspect the files that are there at the start.")
    settle_s: float = key(
        0.5,
        "Seconds without a change after which a file that was not renamed into place is complete; "
        "at least 2 on a filesystem that counts whole seconds.",
        ge=0,
        allow_inf_nan=False,
    )
    poll_s: PositiveFloat = key(0.1, "Seconds between checks of the folder.", allow_inf_nan=False)


class SourceConfig(Section):
    """Where frames come from."""

    address: SourceAddress | None = key(
        None,
        "Camera number, /dev/videoN, rtsp:// or http:// address (a stream, or a snapshot that is "
        "requested repeatedly), video file or folder. A path that exists is always used as a "
        "path, even if it looks like another kind of address.",
    )
    username: Text | None = key(None, "User at a camera whose address contains no user.")
    password_env: Text | None = key(None, "Environment variable with the user's password.")
    password_file: ConfigPath | None = key(None, "File with the user's password.")
    realtime: bool = key(False, "Play a video file at its own speed, as a camera.")
    warm_up_frames: NonNegativeInt = key(5, "First frames of a camera or stream that are skipped.")
    delay_s: float = key(
        0.0,
        "Delay of a stream, seconds. A frame that arrives less than this time after a trigger "
        "was taken before the trigger, and is not used for the part.",
        ge=0,
        allow_inf_nan=False,
    )
    open_timeout_s: PositiveFloat = key(
        15.0, "Seconds without a first frame until the source is opened again."
    )
    stale_after_s: PositiveFloat = key(
        2.0, "Seconds without a frame after which the source is stale; inf for a triggered camera."
    )
    read_timeout_s: PositiveFloat = key(
        5.0, "Seconds without a frame until the source is opened again; inf for a triggered camera."
    )
    camera: CameraConfig = key(CameraConfig(), "Settings of the camera.")
    conditions: ConditionsConfig = key(ConditionsConfig(), "When a frame is not inspected.")
    folder: FolderConfig = key(FolderConfig(), "How a folder is read.")

    @model_validator(mode="after")
    def _in_order(self) -> SourceConfig:
        no_second_secret("password", self.password_env, self.password_file)
        if self.username is None and (self.password_env or self.password_file):
            raise ValueError("a password needs a username")
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
