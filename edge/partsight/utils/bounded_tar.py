"""Reads a tar whose headers may be hostile.

``tarfile`` reads a long name, which is the content of a header, with the size that the archive
states, and follows a chain of headers without an end.
"""

from __future__ import annotations

import tarfile
from typing import Any

from partsight.utils.limits import MAX_NAME_BYTES, MAX_TAR_HEADER_BYTES, shown_bytes

__all__ = ["BoundedTarInfo"]

_EXTENDED = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
# Attributes for all members of a tar that stay in memory until its end.
_MAX_GLOBAL = 100


class BoundedTarInfo(tarfile.TarInfo):
    """A member of a tar, for the argument ``tarinfo`` of ``tarfile.open``.

    Reading the next member raises ``tarfile.ReadError`` for a header that is too large or has a
    negative size, a name that is too long, and a sparse file: its map has no limit, and its content
    is larger than the bytes in the archive.
    """

    # ``_proc_member`` is where ``tarfile`` lets subclasses handle a header; its content has not
    # been read yet.
    def _proc_member(self, tar: Any) -> Any:
        if self.size < 0:
            raise tarfile.ReadError(f"a header has the size {self.size}")
        if self.type in _EXTENDED and self.size > MAX_TAR_HEADER_BYTES:
            raise tarfile.ReadError(
                f"a header of {self.size} bytes: expected at most "
                f"{shown_bytes(MAX_TAR_HEADER_BYTES)}"
            )
        if self.type == tarfile.XGLTYPE and len(tar.pax_headers) > _MAX_GLOBAL:
            raise tarfile.ReadError(f"more than {_MAX_GLOBAL} attributes for all members")
        if self.type == tarfile.GNUTYPE_SPARSE:
            self._refuse_sparse()
        try:
            member = super()._proc_member(tar)  # type: ignore[misc]
        except RecursionError as error:
            raise tarfile.ReadError("a chain of headers without an end") from error
        if member.size < 0:
            raise tarfile.ReadError(f"a member has the size {member.size}")
        if len(member.name.encode(errors="surrogateescape")) > MAX_NAME_BYTES:
            raise tarfile.ReadError(f"a name of more than {MAX_NAME_BYTES} bytes")
        return member

    def _refuse_sparse(self, *_: Any) -> None:
        raise tarfile.ReadError("a sparse file: expected files that are stored completely")

    # The three forms of sparse files in extended headers.
    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse_sparse
