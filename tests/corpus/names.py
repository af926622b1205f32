"""Good images with names that break lines, terminals and encodings, and non-files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.corpus.entry import Entry
from tests.corpus.wholes import SIZE_WH, WHOLES

__all__ = ["odd_names", "special_files"]

_NAMES = {
    "line\nbreak.png": "a line break",
    "\n.png": "nothing but a line break",
    "carriage\rreturn.png": "a carriage return, which overwrites the line",
    "line\u2028separator.png": "a line break of Unicode",
    "tab\there.png": "a tab",
    "escape\x1b[2J\x1b[31m.png": "a sequence that clears a terminal",
    "bell\x07\x7f.png": "control characters",
    "part \U0001f529\U0001f468\u200d\U0001f527.png": "emoji, one of them joined",
    "-o.png": "a leading dash",
    "--threads=9.png": "a name like an option",
    "quotes'\"`$(id)`.png": "quotes, and what a shell would run",
    "right\u202eto left.png": "a mark that turns the writing direction",
    "space before its ending .png": "spaces",
    " .png": "a space for a name",
    "comma,semicolon;.png": "separators of CSV",
    "percent%0a%s{0}.png": "what formatting would replace",
    "back\\slash.png": "a backslash",
    "combining e\u0301.png": "an accent of its own",
    "x" * 200 + ".png": "200 letters",
    os.fsdecode(b"latin-\xe4\xf6\xfc.png"): "Latin-1, which is no UTF-8",
    os.fsdecode(b"invalid-\xff\xfe\x80.png"): "bytes that are no UTF-8",
    os.fsdecode(b"half-\xf0\x9f\x94.png"): "an emoji cut off",
    os.fsdecode(b"surrogate-\xed\xa0\x80.png"): "a surrogate in UTF-8",
    os.fsdecode(b"both\n\xff\x1b.png"): "a line break and bytes that are no UTF-8",
}
_ENDLESS = Path("/dev/zero")


def odd_names() -> Iterator[Entry]:
    """Good images, and for each kind of name one file that is not an image."""
    png = next(whole.data for whole in WHOLES if whole.ending == "png")
    for name, reason in _NAMES.items():
        yield Entry(f"name-{name}", "name", f"a name with {reason}", png, "good", SIZE_WH)
    for name in ("broken\nline.png", "broken\x1b[31m.png", os.fsdecode(b"broken-\xff\n.png")):
        yield Entry(f"name-{name}", "name", "such a name, and no picture", b"none", "refused")
    yield Entry("name-lower.PNG", "name", "an ending in capitals", png, "good", SIZE_WH)


def special_files() -> Iterator[Entry]:
    """Entries of a folder that are not files."""
    for name, reason, place in (
        ("pipe.jpg", "a pipe that nobody writes to", os.mkfifo),
        ("dangling.jpg", "a link to nothing", lambda path: path.symlink_to("nothing-here.png")),
        ("loop.jpg", "a link to itself", lambda path: path.symlink_to(path.name)),
        ("endless.jpg", "a link to a file without end", lambda path: path.symlink_to(_ENDLESS)),
        ("huge.jpg", "a file of 50 GB that take no room", _write_sparse),
        ("unreadable.jpg", "a file that may not be read", _write_unreadable),
    ):
        yield Entry(f"special-{name}", "special", reason, outcome="refused", place=place)
    yield Entry("special-folder.jpg", "folder", "a folder called so", place=Path.mkdir)


def _write_sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(50 * 10**9)


def _write_unreadable(path: Path) -> None:
    """No picture either: root may read it."""
    path.touch(0)
