"""Cache of computed feature vectors: one SQLite file per backbone and preprocessing.

The key of a vector is the digest of the image file's content, so that a changed image has
another key. SQLite keeps the file intact if two runs write at once or one is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.errors import OutputError
from partsight.image.spec import PreprocessSpec, spec_to_document

__all__ = ["FeatureCache", "open_cache"]

_BUSY_TIMEOUT_S = 60.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS features (
    picture BLOB PRIMARY KEY, vector BLOB NOT NULL, checksum BLOB NOT NULL
) WITHOUT ROWID
"""


class FeatureCache:
    """Vectors by image digest. Obtained from ``open_cache``."""

    def __init__(self, connection: sqlite3.Connection, size: int) -> None:
        self._connection, self._size = connection, size

    def get(self, key: bytes) -> NDArray[np.float32] | None:
        """Return the vector of an image by its digest, float32 (D,); None if unknown or damaged."""
        query = "SELECT vector, checksum FROM features WHERE picture = ?"
        row = self._connection.execute(query, (key,)).fetchone()
        if row is None or _checksum(key, row[0]) != row[1]:
            return None
        vector = np.frombuffer(row[0], np.dtype("<f4"))
        return vector if vector.shape == (self._size,) else None

    def look_up(
        self, keys: Mapping[Path, bytes]
    ) -> tuple[dict[Path, NDArray[np.float32]], dict[Path, bytes]]:
        """Return the known vectors, and the keys of the unknown ones.

        Args:
            keys: image file to its digest.
        """
        vectors, unknown = {}, {}
        for path, key in keys.items():
            vector = self.get(key)
            if vector is None:
                unknown[path] = key
            else:
                vectors[path] = vector
        return vectors, unknown

    def put(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Store vectors, float32 (D,) each, in one transaction."""
        rows: Iterable[tuple[bytes, bytes, bytes]] = (
            (key, blob, _checksum(key, blob))
            for key, vector in vectors.items()
            for blob in [vector.astype("<f4").tobytes()]
        )
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", rows)


@contextlib.contextmanager
def open_cache(
    folder: Path, identity: str, spec: PreprocessSpec, size: int
) -> Iterator[FeatureCache]:
    """Open the cache of one backbone; create it if needed.

    Args:
        folder: folder of the caches.
        identity: identity of the backbone.
        spec: preprocessing of the images.
        size: D, the length of a vector.

    Raises:
        OutputError: the file cannot be opened or is not a database.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pixels = hashlib.sha256(json.dumps(spec_to_document(spec)).encode()).hexdigest()
    name = f"{identity[:24]}-{spec.height}x{spec.width}-{pixels[:16]}.sqlite"
    try:
        with contextlib.closing(sqlite3.connect(folder / name, _BUSY_TIMEOUT_S)) as connection:
            connection.execute(_SCHEMA)
            yield FeatureCache(connection, size)
    except sqlite3.DatabaseError as error:
        raise OutputError(
            f"the feature cache {folder / name} cannot be used: {error}. "
            "Delete the file; the features will be computed again."
        ) from error


def _checksum(key: bytes, vector: bytes) -> bytes:
    return hashlib.blake2b(vector, digest_size=16, key=key[:64]).digest()
