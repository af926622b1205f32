"""The zip archive behind a model's flatbuffer: runtimes ignore it, and unzip reads it."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence

__all__ = ["TailDamage", "append_tail", "member_names", "read_member", "read_others_member"]

_MAX_BYTES = 1 << 23
# Whoever unpacks the tail with another tool finds nothing that leaves the folder.
_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
# Zip stores local time; a fixed one makes equal models equal files.
_TIME = (1980, 1, 1, 0, 0, 0)
# What reading a damaged archive was seen to raise, beside BadZipFile.
_DAMAGE = (ValueError, OSError, EOFError, RuntimeError, zlib.error)


class TailDamage(Exception):
    """The archive is there and cannot be used; says why."""


def append_tail(flatbuffer: bytes, members: Mapping[str, bytes]) -> bytes:
    """The flatbuffer with an archive of some files behind it."""
    stream = io.BytesIO(flatbuffer)
    # Stored, not packed: readers of the standard metadata take nothing else.
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as tail:
        for name, data in members.items():
            tail.writestr(zipfile.ZipInfo(name, _TIME), data)
    return stream.getvalue()


def read_member(data: bytes, name: str, most: int) -> bytes:
    """A file of the archive at the end of a model's bytes.

    Args:
        data: the model.
        name: of the file.
        most: bytes that it may unpack to.

    Raises:
        LookupError: there is no archive, or no such file in it.
        TailDamage: the archive is damaged, or nothing that ``append_tail`` wrote.
    """
    return _read(data, name, most, _check)


def read_others_member(data: bytes, name: str, most: int) -> bytes:
    """As ``read_member``, in an archive that another tool wrote: with other names, and larger."""
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
                raise TailDamage(f"{name!a} is in it twice")
            if member.file_size > most:
                raise TailDamage(f"{name!a} is over {most} bytes")
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
        raise TailDamage("a file is in it twice")
    if sum(member.file_size for member in members) > _MAX_BYTES:
        raise TailDamage(f"it unpacks to more than {_MAX_BYTES >> 20} MiB")


def _check_within(members: Sequence[zipfile.ZipInfo]) -> None:
    for name in (member.filename for member in members):
        if name.startswith("/") or ".." in re.split(r"[/\\]", name):
            raise TailDamage(f"a file in it has the name {name!a}")
