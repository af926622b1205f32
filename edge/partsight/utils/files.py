"""Atomic file writing: a file appears whole or not at all.

Every file that partsight delivers is written through this module: to a temporary file in the
folder of the destination, which is renamed when its bytes are on the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from partsight.errors import OutputError

__all__ = [
    "atomic_path",
    "create_atomic",
    "distinct_name",
    "free_name",
    "keep_from_others",
    "rewrite_atomic",
    "sync_path",
    "write_atomic",
]


@contextlib.contextmanager
def atomic_path(destination: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes ``destination`` when the block ends without an error.

    The temporary file is in the destination's folder, so that the rename is atomic. Its data are
    synced before the rename and the folder after it. If the block raises, the temporary file is
    removed and the destination does not change.

    Raises:
        OutputError: the folder cannot be created or the file cannot be written.
    """
    with _temporary(destination) as temporary:
        yield temporary
        sync_path(temporary)
        temporary.replace(destination)
        sync_path(destination.parent)


def create_atomic(destination: Path, data: bytes) -> bool:
    """Write ``data`` to a new file, whole or not at all; an existing file stays.

    Returns:
        Whether it was written; False if something of that name exists.

    Raises:
        OutputError: the file cannot be written.
    """
    with _temporary(destination) as temporary:
        temporary.write_bytes(data)
        sync_path(temporary)
        try:
            # Unlike a rename, a link does not replace a file that was created meanwhile.
            os.link(temporary, destination)
        except FileExistsError:
            return False
        except OSError:  # FAT, as on memory sticks, has no links
            if os.path.lexists(destination):
                return False
            temporary.replace(destination)
        sync_path(destination.parent)
    return True


def write_atomic(destination: Path, data: bytes) -> None:
    """Write ``data`` to ``destination``, whole or not at all.

    Raises:
        OutputError: the file cannot be written; the old one, if any, stays.
    """
    with atomic_path(destination) as temporary:
        temporary.write_bytes(data)


def rewrite_atomic(destination: Path, data: bytes) -> None:
    """Write ``data`` to ``destination``; an existing file keeps its link, mode and owner.

    Raises:
        OutputError: the file cannot be written; the old one, if any, stays.
    """
    target = Path(os.path.realpath(destination))
    with atomic_path(target) as temporary:
        if target.exists():
            temporary.touch(0o600)  # never readable by more users than the old file
            _copy_owner_and_mode(target, temporary)
        temporary.write_bytes(data)


def distinct_name(name: str, suffix: str) -> str:
    """A file name for an image of any name, different from those of all other names.

    Args:
        name: a path, or the name of an image in result rows.
        suffix: with its dot.
    """
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f"{Path(name).stem[:50]}-{digest}{suffix}"


def keep_from_others() -> None:
    """Give no other user access to files and folders that this process creates: 0640 and 0750."""
    os.umask(os.umask(0o077) | 0o027)


def free_name(path: Path, mark: str, now: datetime) -> Path:
    """A free name in the same folder, to move a file aside: ``NAME.MARK-20240506T070809Z``.

    Args:
        path: of the file.
        mark: why it is moved, in one word.
        now: wall-clock time, UTC.
    """
    stem = f"{path.name}.{mark}-{now:%Y%m%dT%H%M%SZ}"
    names = itertools.chain([stem], (f"{stem}-{count}" for count in itertools.count(2)))
    return next(free for name in names if not os.path.lexists(free := path.with_name(name)))


@contextlib.contextmanager
def _temporary(destination: Path) -> Iterator[Path]:
    """Yield a path in the destination's folder, which is created; remove it at the end."""
    # Not mkstemp: with its mode 0600 the group could not read a delivered file.
    # 50 characters are at most 200 bytes, so that the name is not too long for a file system.
    temporary = destination.with_name(f".{destination.name[:50]}.{uuid.uuid4().hex}.part")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
    except OSError as error:
        raise _refused(destination, error) from error
    finally:
        # It was renamed, or its folder was not created: the first error is the one to report.
        with contextlib.suppress(OSError):
            temporary.unlink()


def _copy_owner_and_mode(old: Path, new: Path) -> None:
    status = old.stat()
    with contextlib.suppress(PermissionError, AttributeError):  # not root, or not POSIX
        os.chown(new, status.st_uid, status.st_gid)
    shutil.copymode(old, new)


def _refused(destination: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write {destination}: {error.strerror or error}. "
        "Choose a writable folder with free space."
    )


def sync_path(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk.

    Raises:
        OSError: it cannot be opened or written.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
