"""Files with 16 bits per sample under a model that declares no bit depth.

A file with full-range samples looks the same as its 8-bit version. With 10 or 12 significant
bits it comes out nearly black, which cannot be distinguished from a dark image, so it is refused.
"""

from __future__ import annotations

from typing import Any

from partsight.errors import ImageError
from partsight.image.depth import choose_depth, counted_samples
from partsight.image.spec import MAX_BIT_DEPTH

__all__ = ["UndeclaredBits", "UndeclaredDepthError", "require_full_depth"]


class UndeclaredDepthError(ImageError):
    """A file with 16 bits per sample has fewer significant bits, and the model declares none.

    Attributes:
        bits: significant bits of this file, declared or observed.
    """

    def __init__(self, bits: int, peak: int) -> None:
        super().__init__(
            f"a 16-bit file with {bits} significant bits (largest sample {peak}), and the model "
            "declares no bit depth: expected samples over the full range, because these give a "
            f"nearly black image. Pass the camera's depth (--bit-depth {bits}, or bit_depth in "
            "[model] on a line), or train again with such images"
        )
        self.bits = bits


def require_full_depth(image: Any, data: bytes) -> None:
    """Refuse a file whose samples use less than the full range of 16 bits.

    Args:
        image: a ``PIL.Image.Image`` as it was opened; a file of 16 bits is decoded.
        data: the bytes of the file.

    Raises:
        ImageError: it is such a file, or its samples cannot be counted.
        OSError, SyntaxError, ValueError: the file is damaged.
    """
    samples = counted_samples(image, data)
    if samples is None:
        return
    bits = choose_depth([samples]) or MAX_BIT_DEPTH
    if bits < MAX_BIT_DEPTH:
        raise UndeclaredDepthError(bits, samples.peak)


class UndeclaredBits:
    """Counts refused files of a run, for one note with the depth observed over all of them."""

    def __init__(self) -> None:
        self._count = self._bits = 0

    def add(self, bits: int) -> None:
        """Count a file with this many significant bits."""
        self._count += 1
        self._bits = max(self._bits, bits)

    def text(self) -> str | None:
        """The note, or None without such a file."""
        if not self._count:
            return None
        files = "1 16-bit file has" if self._count == 1 else f"{self._count} 16-bit files have"
        return (
            f"{files} at most {self._bits} significant bits (declared or observed over all), and "
            "the model declares no bit depth: not inspected. If that is the camera's depth, pass "
            f"--bit-depth {self._bits}"
        )
