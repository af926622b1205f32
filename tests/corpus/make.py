"""Write the corpus of damaged and unusual images: ``python -m tests.corpus.make DEST``.

The files are always the same, because they depend only on seeds; ``corpus.json`` contains the
reason for each.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.corpus.bombs import bombs
from tests.corpus.damage import damaged, empty
from tests.corpus.entry import Entry
from tests.corpus.exif import odd_exif
from tests.corpus.headers import odd_headers
from tests.corpus.impostors import impostors
from tests.corpus.names import odd_names, special_files
from tests.corpus.wholes import sound

__all__ = ["entries", "write_corpus"]


def entries() -> Iterator[Entry]:
    """All that the corpus has, whether or not this machine can hold it."""
    for kind in (sound, empty, damaged, impostors, bombs, odd_headers, odd_exif, odd_names):
        yield from kind()
    yield from special_files()


def write_corpus(folder: Path) -> list[Entry]:
    """Write it.

    Args:
        folder: is made; must be new or empty.

    Returns:
        What was written: a file system may refuse a name or a kind of file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [entry for entry in entries() if _write(folder / entry.name, entry)]
    listed = [
        {"name": entry.name, "kind": entry.kind, "outcome": entry.outcome, "reason": entry.reason}
        for entry in written
    ]
    (folder / "corpus.json").write_text(json.dumps(listed, indent=1))
    return written


def _write(path: Path, entry: Entry) -> bool:
    if entry.place is None and path.exists():
        raise ValueError(f"two entries are called {entry.name!r}")
    try:
        if entry.place is not None:
            entry.place(path)
        else:
            path.write_bytes(entry.data)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the corpus of damaged and odd pictures.")
    parser.add_argument("folder", type=Path)
    counted = Counter(entry.kind for entry in write_corpus(parser.parse_args().folder))
    for kind, count in [*counted.items(), ("in all", counted.total())]:
        print(f"{count:5} {kind}")  # noqa: T201


if __name__ == "__main__":
    main()
