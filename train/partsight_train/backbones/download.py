"""Download of one file over http(s), complete, and resumed after an interruption.

TF Hub's own resolver does not resume, check the length or time out, see ``fetch``. Like it, this
module uses ``urllib``, with the system's certificates and the usual proxy variables.
"""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from partsight.errors import ModelError
from partsight.utils.limits import MAX_UNPACKED_BYTES, shown_bytes
from partsight.utils.progress import Progress, silent
from partsight.utils.redaction import redact_address, redact_text

__all__ = ["download"]

# For connecting, and for each read.
_TIMEOUT_S = 30.0
_ATTEMPTS = 4
_MEBIBYTE = 1 << 20


class _Interrupted(Exception):
    """A part of the file was received, or the server no longer has the part that was there."""


def download(
    address: str,
    destination: Path,
    progress: Progress = silent,
    *,
    timeout_s: float = _TIMEOUT_S,
) -> None:
    """Download a file; continue an earlier attempt if there is one.

    The part that was received is stored next to the destination, with the server's validator of
    the file's version (RFC 9110, 13.1.5). If a server sends no validator, ignores ranges or has a
    new version, the file is downloaded from its beginning.

    Args:
        address: http or https.
        destination: the file; an existing file is left alone.
        progress: reports each mebibyte.
        timeout_s: seconds without data after which an attempt fails.

    Raises:
        ModelError: the download failed, with the reason.
    """
    if destination.is_file():
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    part, mark = (destination.with_name(destination.name + end) for end in (".part", ".mark"))
    reason = ""
    for _ in range(_ATTEMPTS):
        try:
            _receive(address, part, mark, progress, timeout_s)
        except _Interrupted as error:
            reason = str(error)
        except urllib.error.HTTPError as error:
            raise _failed(address, f"the server answers {error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = error.reason if isinstance(error, urllib.error.URLError) else error
            raise _failed(address, str(why) or type(why).__name__) from error
        else:
            part.replace(destination)
            mark.unlink(missing_ok=True)
            return
    raise _failed(address, f"{reason}. The next run continues from there")


def _receive(address: str, part: Path, mark: Path, progress: Progress, timeout_s: float) -> None:
    """Send one request and write the response."""
    start = part.stat().st_size if part.is_file() and mark.is_file() else 0
    headers = {"User-Agent": "partsight", "Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": mark.read_text("utf-8")}
    request = urllib.request.Request(address, headers=headers)
    try:
        response = urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            mark.unlink()  # the next attempt starts from the beginning
            raise _Interrupted("the part received earlier is not in the file") from error
        raise
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0
        elif not re.match(rf"bytes {start}-", response.headers.get("Content-Range", "")):
            mark.unlink()
            raise _Interrupted("the server sent another range than requested")
        _store_validator(response.headers, mark)
        promised = response.length
        _require_size(start + (promised or 0))
        try:
            with part.open("ab" if start else "wb") as file:
                pieces = _pieces(response, file)
                for _ in progress(pieces, -(-(promised or 0) // _MEBIBYTE)):
                    _require_size(file.tell())
        except (OSError, http.client.HTTPException) as error:
            if part.stat().st_size == start:
                raise
            raise _Interrupted(f"the connection broke: {error or type(error).__name__}") from error
    size = part.stat().st_size
    if promised is not None and size < start + promised:
        raise _Interrupted(f"it was cut off at {size} of {start + promised} bytes")


def _require_size(size: int) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise ValueError(
            f"it has {size} bytes or more: expected at most {shown_bytes(MAX_UNPACKED_BYTES)}"
        )


def _store_validator(headers: http.client.HTTPMessage, mark: Path) -> None:
    """Store the validator of this version of the file; a weak tag is no validator."""
    tag = headers.get("ETag", "")
    version = tag if tag.startswith('"') else headers.get("Last-Modified")
    if version:
        mark.write_text(version, "utf-8")
    else:
        mark.unlink(missing_ok=True)


def _pieces(response: http.client.HTTPResponse, file: IO[bytes]) -> Iterator[int]:
    """Write the response as it arrives; yield once per mebibyte, and once for the rest."""
    pending = 0
    while piece := response.read1(_MEBIBYTE):
        file.write(piece)
        pending += len(piece)
        if pending >= _MEBIBYTE:
            pending -= _MEBIBYTE
            yield _MEBIBYTE
    if pending:
        yield pending


def _failed(address: str, reason: str) -> ModelError:
    return ModelError(f"cannot fetch {redact_address(address)}: {redact_text(reason)}.")
