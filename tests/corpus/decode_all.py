"""Decode a corpus in this process and print the outcomes: run as a child by ``test_corpus``.

Arguments: a folder, and the bytes of address space allowed in addition to those at the start. The
output is one JSON object per decoding. Any error except ``ImageError`` ends the process after the
name of the file was printed.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from partsight.errors import ImageError
from partsight.image.decode import decode
from partsight.image.spec import PreprocessSpec

_SPECS = (None, PreprocessSpec(224, 224))


def main() -> None:
    folder, room = Path(sys.argv[1]), int(sys.argv[2])
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + room
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    names = [entry["name"] for entry in json.loads((folder / "corpus.json").read_text())]
    for name in names:
        for spec in _SPECS:
            print(json.dumps({"begun": name}), flush=True)  # noqa: T201
            print(json.dumps(_outcome(folder / name, spec)), flush=True)  # noqa: T201


def _outcome(path: Path, spec: PreprocessSpec | None) -> dict[str, object]:
    started_s = time.process_time()
    found: dict[str, object] = {"name": path.name, "scaled": spec is not None}
    try:
        image_bgr = decode(path, spec)
        found |= {"shape": image_bgr.shape, "dtype": str(image_bgr.dtype)}
    except ImageError as error:
        found["error"] = str(error)
    return {**found, "seconds": time.process_time() - started_s}


if __name__ == "__main__":
    main()
