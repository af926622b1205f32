"""Files that appear whole or not at all.

Enters: a destination path. Leaves: a temporary path beside it, renamed onto the
destination once its bytes are on the disk. Every file that partsight delivers is
written through here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from partsight.errors import OutputError

__all__ = [
    "atomic_path",
    "create_atomic",
    "distinct_name",
    "rewrite_atomic",
    "sync_path",
    "write_atomic",
]


@contextlib.contextmanager
def atomic_path(destination: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes ``destination`` when the block ends well.

    The temporary file lies in the destination's folder, so that the rename is
    atomic; its data are synced before and the folder's entry after. When the block
    raises, the temporary file is removed and the destination stays as it was.

    Raises:
        OutputError: the folder cannot be made or the file cannot be written.
    """
    with _temporary(destination) as temporary:
        yield temporary
        sync_path(temporary)
        temporary.replace(destination)
        sync_path(destination.parent)


def create_atomic(destination: Path, data: bytes) -> bool:
    """Write ``data`` to a new file, whole or not at all; what is there stays.

    Returns:
        Whether it was written; False where there is something of that name already.

    Raises:
        OutputError: the file cannot be written.
    """
    with _temporary(destination) as temporary:
        temporary.write_bytes(data)
        sync_path(temporary)
        try:
            # Unlike a rename, it refuses to replace what came there meanwhile.
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
    """Write ``data`` to ``destination``, of which a link, mode and owner stay if it is there.

    Raises:
        OutputError: the file cannot be written; the old one, if any, stays.
    """
    target = Path(os.path.realpath(destination))
    with atomic_path(target) as temporary:
        if target.exists():
            temporary.touch(0o600)  # at no time open to more than the old one is
            _like(target, temporary)
        temporary.write_bytes(data)


def distinct_name(name: str, suffix: str) -> str:
    """A file's name for a picture of any name, unlike those for pictures of other names.

    Args:
        name: a path, or what a picture is called in rows.
        suffix: with its dot.
    """
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f"{Path(name).stem[:50]}-{digest}{suffix}"


@contextlib.contextmanager
def _temporary(destination: Path) -> Iterator[Path]:
    """Yield a path beside a destination, whose folders are made; what is there after, goes."""
    # Not mkstemp: its 0600 would hide a delivered file from the group that reads it.
    # 50 characters are 200 bytes at most, so that the name fits wherever the final one does.
    temporary = destination.with_name(f".{destination.name[:50]}.{uuid.uuid4().hex}.part")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
    except OSError as error:
        raise _refused(destination, error) from error
    finally:
        # Renamed, or its folder never was: what went wrong first is what is told.
        with contextlib.suppress(OSError):
            temporary.unlink()


def _like(old: Path, new: Path) -> None:
    status = old.stat()
    with contextlib.suppress(PermissionError, AttributeError):  # neither root nor POSIX
        os.chown(new, status.st_uid, status.st_gid)
    shutil.copymode(old, new)


def _refused(destination: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write {destination}: {error.strerror or error}. "
        "Choose a place that is writable and has room."
    )


def sync_path(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk.

    Raises:
        OSError: it cannot be opened or written.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
