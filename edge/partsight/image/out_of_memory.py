"""Images that cannot be decoded because memory is short: the machine's fault, or the image's."""

from __future__ import annotations

from partsight.errors import EnvironmentFault, ImageError
from partsight.utils.memory_limit import memory_limit, memory_limit_note

__all__ = ["OutOfMemoryError", "memory_error", "raise_if_out_of_memory"]

# An image of this many pixels is not what uses up the memory of a process.
_USUAL_PIXELS = 20_000_000


class OutOfMemoryError(ImageError):
    """An image of usual size cannot be decoded within the memory limit of this process."""


def memory_error(pixels: int | None) -> ImageError:
    """The error to raise for an image that got no memory.

    Args:
        pixels: of the image; None if it was not opened.
    """
    if memory_limit() is None:
        return ImageError("too large: there is not enough memory left to decode it")
    if pixels is not None and pixels > _USUAL_PIXELS:
        return ImageError(
            f"too large: there is not enough memory left to decode it. {memory_limit_note()}"
        )
    return OutOfMemoryError(f"there is no memory left to decode it. {memory_limit_note()}")


def raise_if_out_of_memory(error: ImageError) -> None:
    """End a run over many images if none of them is at fault.

    Raises:
        EnvironmentFault: the process has too little memory.
    """
    if isinstance(error, OutOfMemoryError):
        raise EnvironmentFault(f"out of memory: no image can be decoded. {memory_limit_note()}")
