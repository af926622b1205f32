"""Which files and folders of a tree belong to an image set.

The one place for names that every command leaves out: ``train``, ``check-data``, ``evaluate``,
``classify`` and watched folders.
"""

from __future__ import annotations

__all__ = ["VIDEO_SUFFIXES", "is_ignored"]

# Written by file managers, network storage and notebooks beside the user's own files. Casefolded.
_IGNORED_NAMES = frozenset(
    {
        *("@eadir", "#recycle", "#snapshot"),  # Synology, QNAP
        *("__macosx", "lost+found"),
        *("$recycle.bin", "system volume information", "thumbs.db", "desktop.ini"),
    }
)

# Endings of files that OpenCV plays. A video that is named is read; one in a folder is not.
VIDEO_SUFFIXES = frozenset(
    {
        *(".avi", ".divx", ".mkv", ".mk3d", ".webm", ".mov", ".qt", ".mp4", ".m4v", ".3gp", ".3g2"),
        *(".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".m2t", ".tod"),
        *(".wmv", ".asf", ".flv", ".f4v", ".ogv", ".ogm", ".rm", ".rmvb", ".mxf", ".dv", ".nut"),
        *(".mjpeg", ".mjpg", ".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".y4m", ".nuv"),
    }
)


def is_ignored(name: str) -> bool:
    """Whether a file or folder name, without its path, is hidden or a system's own.

    Hidden names start with a dot: ``.ipynb_checkpoints`` and macOS's ``._*`` are among them.
    """
    return name.startswith(".") or name.casefold() in _IGNORED_NAMES
