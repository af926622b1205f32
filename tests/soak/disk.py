"""A small disk for the line's files, which can be filled.

As root it is a tmpfs. Without root, the size of files that the line may write is limited instead
(RLIMIT_FSIZE), which gives another error than a full disk: "File too large".
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
from pathlib import Path

__all__ = ["SmallDisk"]


class SmallDisk:
    """The folder of the journal, the images and the result files."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
        try:
            self.is_real = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            self.is_real = False

    @property
    def kind(self) -> str:
        return "tmpfs" if self.is_real else "RLIMIT_FSIZE"

    def fill(self, pid: int) -> None:
        """Leave no room."""
        if not self.is_real:
            self._limit(pid, 1)
            return
        with contextlib.suppress(OSError), (self.folder / ".filler").open("wb", 0) as filler:
            while True:
                filler.write(b"x" * 65536)
        with contextlib.suppress(OSError), (self.folder / ".filler").open("ab", 0) as filler:
            while True:
                filler.write(b"x" * 512)

    def free(self, pid: int) -> None:
        """Give the room back."""
        if not self.is_real:
            self._limit(pid, resource.RLIM_INFINITY)
        (self.folder / ".filler").unlink(missing_ok=True)

    def end(self) -> None:
        if self.is_real:
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)

    @staticmethod
    def _limit(pid: int, soft: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
