"""Hostile headers of a tar are refused before their content is read."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from partsight.utils.bounded_tar import BoundedTarInfo
from partsight.utils.limits import MAX_TAR_HEADER_BYTES


class Endless(io.RawIOBase):
    """Some bytes, then zeros without an end; counts what was read."""

    def __init__(self, start: bytes) -> None:
        self._start, self.received = io.BytesIO(start), 0

    def read(self, size: int = -1) -> bytes:
        assert 0 <= size < 1 << 20, "a read of a size that the archive states"
        self.received += size
        assert self.received < 1 << 20, "a header is read without an end"
        return self._start.read(size).ljust(size, b"\0")


def header(kind: bytes, size: int, name: str = "x") -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, size
    return entry.tobuf(tarfile.GNU_FORMAT)


def pax(**values: str) -> bytes:
    records = tarfile.TarInfo._create_pax_generic_header(  # type: ignore[attr-defined]
        {name.replace("__", "."): value for name, value in values.items()}, tarfile.XHDTYPE, "utf-8"
    )
    return bytes(records)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (header(tarfile.GNUTYPE_LONGNAME, 3_000_000_000), "a header of 3000000000 bytes"),
        (header(tarfile.GNUTYPE_LONGLINK, 3_000_000_000), "a header of 3000000000 bytes"),
        (header(tarfile.XHDTYPE, 3_000_000_000), "a header of 3000000000 bytes"),
        (header(tarfile.XGLTYPE, MAX_TAR_HEADER_BYTES + 1), "expected at most 64 KiB"),
        (header(tarfile.SOLARIS_XHDTYPE, 3_000_000_000), "a header of 3000000000 bytes"),
        (header(tarfile.GNUTYPE_LONGNAME, -5), "the size -5"),
        (pax(size="-512") + header(tarfile.REGTYPE, 5), "the size -512"),
        (pax(path="x" * 5000) + header(tarfile.REGTYPE, 5), "a name of more than 4096 bytes"),
        ((header(tarfile.GNUTYPE_LONGNAME, 1) + b"x".ljust(512, b"\0")) * 600, "a chain"),
        (header(tarfile.GNUTYPE_SPARSE, 5), "a sparse file"),
        (
            pax(GNU__sparse__major="1", GNU__sparse__minor="0") + header(tarfile.REGTYPE, 5),
            "a sparse file",
        ),
        (pax(GNU__sparse__map="0,5") + header(tarfile.REGTYPE, 5), "a sparse file"),
        (pax(GNU__sparse__size="5") + header(tarfile.REGTYPE, 5), "a sparse file"),
    ],
    ids=[
        *("long name", "long link", "extended", "global", "solaris", "negative"),
        *("negative member", "name", "chain", "sparse", "sparse 1.0", "sparse 0.1", "sparse 0.0"),
    ],
)
def test_a_hostile_header_is_refused(start: bytes, reason: str) -> None:
    with (
        pytest.raises(tarfile.ReadError, match=reason),
        tarfile.open(fileobj=Endless(start), mode="r|", tarinfo=BoundedTarInfo) as tar,
    ):
        list(tar)


def test_long_names_are_read(tmp_path: Path) -> None:
    name = "folder/" * 40 + "x" * 200
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with tarfile.open(tmp_path / "tar", "w", format=form) as tar:
            tar.addfile(tarfile.TarInfo(name))
        with tarfile.open(tmp_path / "tar", tarinfo=BoundedTarInfo) as tar:
            assert tar.getnames() == [name]
