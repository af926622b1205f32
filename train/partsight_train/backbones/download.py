"""One file from an http(s) address, whole, and resumed where it broke off.

Enters: an address and where the file shall be. Leaves: the file, whole. Called by ``locate``.

By ``urllib``, as TF Hub itself fetches: it takes the system's certificates and the usual
proxy variables, and nothing more has to be installed.
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
from partsight.utils.progress import Progress, silent
from partsight.utils.redaction import redact_address, redact_text

__all__ = ["TIMEOUT_S", "download"]

# For a connect, and for each read.
TIMEOUT_S = 30.0
_ATTEMPTS = 4
_MEBIBYTE = 1 << 20


class _Interrupted(Exception):
    """Part of the file came, or the server no longer has the part that was there."""


def download(
    address: str,
    destination: Path,
    progress: Progress = silent,
    *,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Fetch a file; go on with what an earlier attempt or run has left.

    What came so far lies beside the destination, with the server's mark of its version
    (RFC 9110, 13.1.5). A server that gives no mark, does not know ranges, or has another
    version by now sends the file from its beginning.

    Args:
        address: http or https.
        destination: a file; left alone where it is there.
        progress: told of each mebibyte.
        timeout_s: seconds without a byte after which an attempt is given up.

    Raises:
        ModelError: it cannot be had; says why.
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
    raise _failed(address, f"{reason}. Another run goes on from there")


def _receive(address: str, part: Path, mark: Path, progress: Progress, timeout_s: float) -> None:
    """Ask once, and write what comes."""
    start = part.stat().st_size if part.is_file() and mark.is_file() else 0
    headers = {"User-Agent": "partsight", "Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": mark.read_text("utf-8")}
    request = urllib.request.Request(address, headers=headers)
    try:
        response = urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            mark.unlink()  # so that the next attempt begins anew
            raise _Interrupted("what had come before is not part of the file") from error
        raise
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0
        elif not re.match(rf"bytes {start}-", response.headers.get("Content-Range", "")):
            mark.unlink()
            raise _Interrupted("the server sent another part than was asked for")
        _remember(response.headers, mark)
        promised = response.length
        try:
            with part.open("ab" if start else "wb") as file:
                pieces = _pieces(response, file)
                for _ in progress(pieces, -(-(promised or 0) // _MEBIBYTE)):
                    pass
        except (OSError, http.client.HTTPException) as error:
            if part.stat().st_size == start:
                raise
            raise _Interrupted(f"it broke off: {error or type(error).__name__}") from error
    size = part.stat().st_size
    if promised is not None and size < start + promised:
        raise _Interrupted(f"it was cut off at {size} of {start + promised} bytes")


def _remember(headers: http.client.HTTPMessage, mark: Path) -> None:
    """Keep what tells this version of the file from another; a weak tag does not."""
    tag = headers.get("ETag", "")
    version = tag if tag.startswith('"') else headers.get("Last-Modified")
    if version:
        mark.write_text(version, "utf-8")
    else:
        mark.unlink(missing_ok=True)


def _pieces(response: http.client.HTTPResponse, file: IO[bytes]) -> Iterator[int]:
    """Write what comes as it comes; one item a mebibyte, and one for the rest."""
    held = 0
    while piece := response.read1(_MEBIBYTE):
        file.write(piece)
        held += len(piece)
        if held >= _MEBIBYTE:
            held -= _MEBIBYTE
            yield _MEBIBYTE
    if held:
        yield held


def _failed(address: str, reason: str) -> ModelError:
    return ModelError(f"cannot fetch {redact_address(address)}: {redact_text(reason)}.")
