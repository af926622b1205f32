"""Frames in memory that two processes share, in slots that one of them owns at a time.

``capture_process`` writes a frame into a slot that it owns and hands it over by a message;
``capture_child`` copies the frame out and hands the slot back. Nobody writes where another
reads, so that no frame is ever torn.

The memory has no name: it is a descriptor that the child inherits. The kernel frees it with
the last process that has it, however those end, and no resource tracker is needed.
"""

from __future__ import annotations

import mmap
import os

import numpy as np
from numpy.typing import NDArray

__all__ = ["SLOTS", "SlotReader", "SlotWriter"]

# One is written while the other is read.
SLOTS = 2


class SlotWriter:
    """The writing half.

    Attributes:
        free: numbers of the slots that are owned here; the last is the next.
        slot_bytes: the size of each slot.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._memory: mmap.mmap | None = None
        self._shape: tuple[int, ...] = ()
        self.free = list(range(SLOTS))
        self.slot_bytes = 0

    def make_room(self, shape: tuple[int, ...]) -> bool:
        """Have the next slots be of a shape; False where another process still reads."""
        size = int(np.prod(shape))
        if size > self.slot_bytes:
            if len(self.free) < SLOTS:  # a slot that is being read must not move
                return False
            os.ftruncate(self._descriptor, SLOTS * size)
            self._memory = mmap.mmap(self._descriptor, SLOTS * size)
            self.slot_bytes = size
        self._shape = shape
        return bool(self.free)

    def view(self) -> NDArray[np.uint8] | None:
        """The next free slot as an array of the shape that was made room for, if any was."""
        if self._memory is None:
            return None
        offset = self.free[-1] * self.slot_bytes
        flat = np.frombuffer(self._memory, np.uint8, int(np.prod(self._shape)), offset)
        return flat.reshape(self._shape)


class SlotReader:
    """The reading half. It may be closed at any moment."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._memory: mmap.mmap | None = None

    def copy(self, slot: int, slot_bytes: int, height: int, width: int) -> NDArray[np.uint8]:
        """Copy a frame out, uint8 (H, W, 3).

        Raises:
            ValueError: there is no such frame in the memory.
        """
        if self._memory is None or len(self._memory) < SLOTS * slot_bytes:
            self.close()
            self._memory = mmap.mmap(self._descriptor, SLOTS * slot_bytes, prot=mmap.PROT_READ)
        flat = np.frombuffer(self._memory, np.uint8, height * width * 3, slot * slot_bytes)
        return flat.reshape(height, width, 3).copy()

    def close(self) -> None:
        """Let go of the memory; the descriptor is whoever's it was."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
