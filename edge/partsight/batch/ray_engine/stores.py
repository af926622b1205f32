"""Image files at URIs, such as ``s3://bucket/folder``, through pyarrow's filesystems.

Names of images contain neither keys nor options of the URI, because many people read the rows.
"""

from __future__ import annotations

import functools
import importlib
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from partsight.errors import SourceError
from partsight.image_files.read import image_files_below, is_image_file
from partsight.image_files.walk import LeftOut, Unlisted, is_ignored
from partsight.inputs.base import Input, InputImage, Unreadable
from partsight.utils.imports import import_fault
from partsight.utils.limits import MAX_IMAGE_BYTES
from partsight.utils.redaction import redact_address, redact_text, remember_address

__all__ = [
    "arrow_fs",
    "image_files_below_uri",
    "is_uri",
    "open_uri",
    "read",
    "uri_without_keys",
]

_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d{1,5})?")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_uri(path: str) -> bool:
    """Whether a path is a URI for pyarrow, not a path of this system."""
    return _URI.match(path) is not None


def arrow_fs() -> Any:
    """The module ``pyarrow.fs``.

    Raises:
        EnvironmentFault: pyarrow is not installed.
    """
    try:
        return importlib.import_module("pyarrow.fs")
    except ImportError as error:
        raise import_fault("a file store", "pyarrow", "partsight[ray]", error) from error


def open_uri(uri: str) -> tuple[Any, str]:
    """The filesystem of a URI, and the path in it.

    Raises:
        EnvironmentFault: pyarrow is not installed.
        SourceError: pyarrow does not support the filesystem, or cannot open it.
    """
    try:
        parts = urllib.parse.urlsplit(uri)
    except ValueError as error:
        raise SourceError(
            f"cannot open {uri_without_keys(uri)}: its keys have a reserved character that is not "
            "percent-encoded. Write / as %2F, [ as %5B, # as %23, or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY instead."
        ) from error
    remember_address(uri)
    filesystem, root = _root(parts._replace(path="/", fragment="").geturl())
    return filesystem, root.rstrip("/") + urllib.parse.unquote(parts.path).rstrip("/")


@functools.lru_cache(maxsize=64)
def _root(uri: str) -> tuple[Any, str]:
    """Open a filesystem; cached, because a list may have millions of URIs of one filesystem."""
    fs = arrow_fs()
    try:
        filesystem, path = fs.FileSystem.from_uri(uri)
    except (OSError, ValueError, NotImplementedError) as error:
        raise SourceError(
            f"cannot open {uri_without_keys(uri)}: {redact_text(str(error))}. Expected a URI that "
            "pyarrow supports, such as s3://bucket/folder?region=eu-central-1 or file:///folder."
        ) from error
    return filesystem, path


def image_files_below_uri(uri: str, left_out: LeftOut) -> Iterator[tuple[str, str] | Unreadable]:
    """The image files at a URI and below it, by name; one folder is listed at a time.

    Args:
        uri: a file or folder.
        left_out: collects the other files.

    Yields:
        The name and the path in its filesystem of each image file. Files are recognized by their
        names and not accessed, because there may be millions.

    Raises:
        EnvironmentFault: pyarrow is not installed.
        SourceError: see ``open_uri``.
    """
    filesystem, top = open_uri(uri)
    base = uri_without_keys(uri).rstrip("/")

    def name(path: str) -> str:
        return base + urllib.parse.quote(path[len(top) :])

    if is_image_file(PurePosixPath(top)):
        yield base, top
        return
    if filesystem.type_name == "local":  # the only one with links
        for entry in image_files_below(Path(top), left_out):
            if isinstance(entry, Unlisted) and entry.is_cycle:
                continue
            if isinstance(entry, Unlisted):
                yield Unreadable(name(str(entry.path)), entry.reason)
            else:
                yield name(str(entry)), str(entry)
        return
    todo = [(top, True)]
    while todo:
        path, is_folder = todo.pop()
        if not is_folder:
            yield name(path), path
            continue
        try:
            found = _listed(filesystem, path, left_out)
        except OSError as error:
            yield Unreadable(name(path), f"the folder cannot be read: {error}")
            continue
        # The last one is processed first, so that a folder's files come at its position.
        todo.extend(sorted(found, reverse=True))


def _listed(filesystem: Any, path: str, left_out: LeftOut) -> list[tuple[str, bool]]:
    """The entries of a folder, or the file itself: path, and whether it is a folder."""
    fs = arrow_fs()
    (info,) = filesystem.get_file_info([path])
    if info.type == fs.FileType.File:
        return [(path, False)]
    infos = filesystem.get_file_info(fs.FileSelector(path))
    infos = [each for each in infos if not is_ignored(each.base_name)]
    folders = [(each.path, True) for each in infos if each.type == fs.FileType.Directory]
    files = [each.path for each in infos if each.type == fs.FileType.File]
    for file in files:
        if not is_image_file(PurePosixPath(file)):
            left_out.count(PurePosixPath(file))
    return folders + [(file, False) for file in files if is_image_file(PurePosixPath(file))]


def read(name: str, filesystem: Any, path: str) -> Input:
    """Read an image file into memory."""
    fs = arrow_fs()
    try:
        (info,) = filesystem.get_file_info([path])
        if info.type == fs.FileType.NotFound:
            return Unreadable(name, "the file cannot be read: No such file or directory")
        if info.type != fs.FileType.File:
            return Unreadable(name, "not a file: expected an image, received a folder")
        if info.size > MAX_IMAGE_BYTES:
            return Unreadable(name, f"too large: {info.size} bytes, at most {MAX_IMAGE_BYTES}")
        with filesystem.open_input_stream(path) as stream:
            data = stream.read()
    except OSError as error:
        return Unreadable(name, f"the file cannot be read: {error}")
    if len(data) != info.size:
        return Unreadable(name, "the file was written to while it was read; classify it again")
    return InputImage(name, data, info.mtime)


def uri_without_keys(uri: str) -> str:
    """A URI without its keys and options."""
    try:
        parts = urllib.parse.urlsplit(uri)
    except ValueError:
        return redact_address(uri)
    if _HOST.fullmatch(parts.netloc.rpartition("@")[2]) is None:
        return redact_address(uri)  # the rest of a key after a "/" would look like the path
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
