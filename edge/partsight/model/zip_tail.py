"""The zip archive after a model's flatbuffer, which runtimes ignore and unzip reads."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence

__all__ = ["TailDamage", "append_tail", "member_names", "read_member", "read_others_member"]

_MAX_BYTES = 1 << 23
# Safe names, so that unpacking with another tool writes only into the target folder.
_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
# Zip stores the local time; with a fixed time, equal models give equal files.
_TIME = (1980, 1, 1, 0, 0, 0)
# Exceptions for a damaged archive, in addition to BadZipFile.
_DAMAGE = (ValueError, OSError, EOFError, RuntimeError, zlib.error)


class TailDamage(Exception):
    """The archive exists but cannot be used; the message has the reason."""


def append_tail(flatbuffer: bytes, members: Mapping[str, bytes]) -> bytes:
    """The flatbuffer followed by an archive of some files."""
    stream = io.BytesIO(flatbuffer)
    # Not compressed: readers of the standard metadata require it.
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as tail:
        for name, data in members.items():
            tail.writestr(zipfile.ZipInfo(name, _TIME), data)
    return stream.getvalue()


def read_member(data: bytes, name: str, most: int) -> bytes:
    """A file of the archive at the end of a model's bytes.

    Args:
        data: the model.
        name: of the file.
        most: maximum size of the unpacked file, bytes.

    Raises:
        LookupError: there is no archive, or no such file in it.
        TailDamage: the archive is damaged, or was not written by ``append_tail``.
    """
    return _read(data, name, most, _check)


def read_others_member(data: bytes, name: str, most: int) -> bytes:
    """Like ``read_member``, for an archive of another tool, with any names and a larger size."""
    return _read(data, name, most, _check_within)


def member_names(data: bytes) -> list[str]:
    """The names of the files in the archive at the end of a model's bytes; none without one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as tail:
            return tail.namelist()
    except (zipfile.BadZipFile, *_DAMAGE):
        return []


def _read(
    data: bytes, name: str, most: int, check: Callable[[Sequence[zipfile.ZipInfo]], None]
) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as tail:
            member = tail.getinfo(name)
            check(tail.infolist())
            if tail.namelist().count(name) > 1:
                raise TailDamage(f"{name!a} occurs twice")
            if member.file_size > most:
                raise TailDamage(f"{name!a} is larger than {most} bytes")
            return tail.read(name)
    except zipfile.BadZipFile as error:
        raise LookupError(str(error)) from error
    except _DAMAGE as error:
        raise TailDamage(f"{name!a} cannot be read") from error


def _check(members: Sequence[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    strange = next((name for name in names if not _NAME.fullmatch(name)), None)
    if strange is not None:
        raise TailDamage(f"a file in it has the name {strange!a}")
    if len(set(names)) < len(names):
        raise TailDamage("a file occurs twice")
    if sum(member.file_size for member in members) > _MAX_BYTES:
        raise TailDamage(f"it unpacks to more than {_MAX_BYTES >> 20} MiB")


def _check_within(members: Sequence[zipfile.ZipInfo]) -> None:
    for name in (member.filename for member in members):
        if name.startswith("/") or ".." in re.split(r"[/\\]", name):
            raise TailDamage(f"a file in it has the name {name!a}")
