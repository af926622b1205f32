"""Frames in memory shared by two processes, in buffers that belong to one of them at a time.

``capture_process`` writes a frame into a buffer of its own and passes it on by a message;
``capture_child`` copies the frame and returns the buffer. So a frame is never written and read at
the same time.

The memory has no name: it is a descriptor that the child process inherits. The kernel frees it
with the last process that has it, so no resource tracker is needed.
"""

from __future__ import annotations

import mmap
import os

import numpy as np
from numpy.typing import NDArray

__all__ = ["BUFFERS", "SharedFrameReader", "SharedFrameWriter"]

# One is written while the other is read.
BUFFERS = 2


class SharedFrameWriter:
    """The writing side.

    Attributes:
        free: numbers of the buffers that belong to the writer; the last one is used next.
        buffer_bytes: size of each buffer.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._memory: mmap.mmap | None = None
        self._shape: tuple[int, ...] = ()
        self.free = list(range(BUFFERS))
        self.buffer_bytes = 0

    def make_room(self, shape: tuple[int, ...]) -> bool:
        """Prepare the buffers for a shape; return False if another process still reads one."""
        size = int(np.prod(shape))
        if size > self.buffer_bytes:
            if len(self.free) < BUFFERS:  # a buffer that is being read must not move
                return False
            os.ftruncate(self._descriptor, BUFFERS * size)
            self._memory = mmap.mmap(self._descriptor, BUFFERS * size)
            self.buffer_bytes = size
        self._shape = shape
        return bool(self.free)

    def view(self) -> NDArray[np.uint8] | None:
        """Return the next free buffer as an array of the prepared shape; None without one."""
        if self._memory is None:
            return None
        offset = self.free[-1] * self.buffer_bytes
        flat = np.frombuffer(self._memory, np.uint8, int(np.prod(self._shape)), offset)
        return flat.reshape(self._shape)


class SharedFrameReader:
    """The reading side. It may be closed at any time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._memory: mmap.mmap | None = None

    def copy(self, buffer: int, buffer_bytes: int, height: int, width: int) -> NDArray[np.uint8]:
        """Copy a frame, uint8 (H, W, 3) BGR.

        Raises:
            ValueError: the memory is too small for such a frame.
        """
        if self._memory is None or len(self._memory) < BUFFERS * buffer_bytes:
            self.close()
            self._memory = mmap.mmap(self._descriptor, BUFFERS * buffer_bytes, prot=mmap.PROT_READ)
        flat = np.frombuffer(self._memory, np.uint8, height * width * 3, buffer * buffer_bytes)
        return flat.reshape(height, width, 3).copy()

    def close(self) -> None:
        """Close the memory mapping; the descriptor stays open."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
