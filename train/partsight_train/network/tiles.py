"""A picture cut into tiles: the network judges each by itself, and the worst one decides.

A defect of a few pixels is lost when a large frame is made as small as one network's input.
The tiles are cut in the graph, so that the device sees one network that gives scores a tile.

Which tile shows the defect is not said by the pictures' labels. Of a good part every tile is
good; of a bad one at least one tile is bad: multiple-instance learning. As in mi-SVM and
MI-SVM (S. Andrews et al., "Support Vector Machines for Multiple-Instance Learning", NIPS
2002) a head chooses the worst tile of each bad part, another is fitted to those, and so on.
Here a tile is chosen by a head that never saw the part: one that was fitted to a tile finds
that tile again, wrong or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight_train.heads.fit_head import fit_head
from partsight_train.heads.head import Examples, Head, predict
from partsight_train.settings import HeadSettings
from partsight_train.tensorflow_stack import tf

__all__ = ["by_image", "cut", "join", "mean_tiles", "telling_tiles", "uncut", "worst_tiles"]

Tiles = tuple[int, int]

_ROUNDS = 3
# Far enough to rank tiles.
_SETTINGS = HeadSettings(steps=30, balance="class-weights", temperature=False)


def cut(pictures: Any, tiles: Tiles) -> Any:
    """Cut a tensor (N, R * h, C * w, 3) into R x C tiles: (T * N, h, w, 3), row by row.

    All first tiles come first; ``by_image`` brings each picture's together again.
    """
    if tiles == (1, 1):
        return pictures
    rows = tf.split(pictures, tiles[0], axis=1)
    return tf.concat([tile for row in rows for tile in tf.split(row, tiles[1], axis=2)], 0)


def uncut(maps: Any, tiles: Tiles) -> Any:
    """Undo ``cut``: a tensor (T * N, h, w, C) of tiles, side by side as (N, R * h, C * w, C)."""
    if tiles == (1, 1):
        return maps
    each = tf.split(maps, tiles[0] * tiles[1], axis=0)
    starts = range(0, len(each), tiles[1])
    return tf.concat([tf.concat(each[i : i + tiles[1]], axis=2) for i in starts], axis=1)


def by_image(values: Any, tiles: Tiles) -> Any:
    """Values (T * N, X) of tiles as ``cut`` orders them: (N, T, X), or (N, X) of one tile."""
    if tiles == (1, 1):
        return values
    count = tiles[0] * tiles[1]
    return tf.transpose(tf.reshape(values, (count, -1, values.shape[-1])), (1, 0, 2))


def join(maps: NDArray[np.float32], tiles: Tiles) -> NDArray[np.float32]:
    """Put maps (T, h, w) of a picture's tiles side by side: (R * h, C * w)."""
    rows, columns = tiles
    _, height, width = maps.shape
    grid = maps.reshape(rows, columns, height, width).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width)


def mean_tiles(examples: Examples, tiles: Tiles) -> Examples:
    """The mean over the tiles: of pictures with features (N, T * D), features (N, D)."""
    features = examples.features.reshape(len(examples.labels), tiles[0] * tiles[1], -1)
    return Examples(features.mean(axis=1), examples.labels)


def worst_tiles(
    head: Head, features: NDArray[np.float32], bad: Sequence[int]
) -> NDArray[np.float32]:
    """The tile of each picture that looks most like a bad part.

    Args:
        head: for features (D,) of a tile.
        features: float32 (N, T * D).
        bad: indices of the labels of bad parts.

    Returns:
        Its features, float32 (N, D).
    """
    tiles = features.reshape(len(features), -1, len(head.kernel))
    if tiles.shape[1] == 1:
        return features
    scores = predict(head, tiles.reshape(-1, tiles.shape[2])).reshape(*tiles.shape[:2], -1)
    worst = scores[:, :, list(bad)].sum(axis=2).argmax(axis=1)
    return np.asarray(tiles[np.arange(len(tiles)), worst], np.float32)


def telling_tiles(
    train: Examples,
    halves: NDArray[np.intp],
    validation: Examples,
    tiles: Tiles,
    count: int,
    bad: Sequence[int],
) -> tuple[Examples, Examples]:
    """The tiles that show what their pictures' labels say: of good parts all, of bad the worst.

    Args:
        train: N pictures, features (N, T * D).
        halves: int (N,), 0 or 1; pictures of one part are in the same half. Both halves have
            pictures.
        validation: other pictures.
        tiles: R and C.
        count: K, the number of labels.
        bad: indices of the labels of bad parts.

    Returns:
        Tiles to fit and tiles to watch, features (M, D) each.
    """
    parts = [train.take(halves == half) for half in (0, 1)]
    # Each half's tiles are chosen by the head of the other.
    heads = [_fit(mean_tiles(part, tiles), count) for part in parts[::-1]]
    for _ in range(_ROUNDS):
        chosen = [_telling(part, head, bad) for part, head in zip(parts, heads, strict=True)]
        heads = [_fit(part, count) for part in chosen[::-1]]
    chosen = [_telling(part, head, bad) for part, head in zip(parts, heads, strict=True)]
    return _together(chosen), _telling(validation, heads[0], bad)


def _telling(examples: Examples, head: Head, bad: Sequence[int]) -> Examples:
    is_bad = np.isin(examples.labels, bad)
    good, size = examples.take(~is_bad), len(head.kernel)
    every = good.features.reshape(-1, size)
    labels = np.repeat(good.labels, len(every) // max(1, len(good.labels)))
    worst = worst_tiles(head, examples.features[is_bad], bad)
    return _together([Examples(every, labels), Examples(worst, examples.labels[is_bad])])


def _together(parts: Sequence[Examples]) -> Examples:
    return Examples(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def _fit(examples: Examples, count: int) -> Head:
    return fit_head(examples, examples, count, _SETTINGS).head
