"""Tiles of an image: the network scores each tile separately, and the worst tile decides.

A defect of a few pixels is lost when a large frame is scaled down to one network input. The tiles
are cut in the graph, so that the device runs one network, with scores per tile.

The labels do not say which tile shows the defect. Every tile of a good part is good; at least one
tile of a bad part is bad: multiple-instance learning. As in mi-SVM and MI-SVM (S. Andrews et al.,
"Support Vector Machines for Multiple-Instance Learning", NIPS 2002), a head chooses the worst tile
of each bad part, another head is fitted to the chosen tiles, and so on. Here the choosing head was
not trained on the part: a head that was fitted to a tile would choose that tile again, right or
wrong.
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

__all__ = ["by_image", "cut", "join", "mean_tiles", "select_tiles", "join_tile_maps", "worst_tiles"]

Tiles = tuple[int, int]

_ROUNDS = 3
# Enough iterations to rank tiles.
_SETTINGS = HeadSettings(steps=30, balance="class-weights")


def cut(images: Any, tiles: Tiles) -> Any:
    """Cut a tensor (N, R * h, C * w, 3) into R x C tiles: (T * N, h, w, 3), row by row.

    The first tiles of all images come first; ``by_image`` groups tiles by image again.
    """
    if tiles == (1, 1):
        return images
    rows = tf.split(images, tiles[0], axis=1)
    return tf.concat([tile for row in rows for tile in tf.split(row, tiles[1], axis=2)], 0)


def join_tile_maps(maps: Any, tiles: Tiles) -> Any:
    """Undo ``cut``: join a tensor (T * N, h, w, C) of tiles to (N, R * h, C * w, C)."""
    if tiles == (1, 1):
        return maps
    each = tf.split(maps, tiles[0] * tiles[1], axis=0)
    starts = range(0, len(each), tiles[1])
    return tf.concat([tf.concat(each[i : i + tiles[1]], axis=2) for i in starts], axis=1)


def by_image(values: Any, tiles: Tiles) -> Any:
    """Group values (T * N, X) of tiles in ``cut``'s order by image: (N, T, X); one tile: (N, X)."""
    if tiles == (1, 1):
        return values
    count = tiles[0] * tiles[1]
    return tf.transpose(tf.reshape(values, (count, -1, values.shape[-1])), (1, 0, 2))


def join(maps: NDArray[np.float32], tiles: Tiles) -> NDArray[np.float32]:
    """Join maps (T, h, w) of one image's tiles to (R * h, C * w)."""
    rows, columns = tiles
    _, height, width = maps.shape
    grid = maps.reshape(rows, columns, height, width).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width)


def mean_tiles(examples: Examples, tiles: Tiles) -> Examples:
    """Return the mean over tiles: examples with features (N, D) instead of (N, T * D)."""
    features = examples.features.reshape(len(examples.labels), tiles[0] * tiles[1], -1)
    return Examples(features.mean(axis=1), examples.labels)


def worst_tiles(
    head: Head, features: NDArray[np.float32], bad: Sequence[int]
) -> NDArray[np.float32]:
    """Return the features of each image's tile with the highest score for bad labels.

    Args:
        head: head for the features (D,) of a tile.
        features: float32 (N, T * D).
        bad: indices of the labels of bad parts.

    Returns:
        float32 (N, D).
    """
    tiles = features.reshape(len(features), -1, len(head.kernel))
    if tiles.shape[1] == 1:
        return features
    scores = predict(head, tiles.reshape(-1, tiles.shape[2])).reshape(*tiles.shape[:2], -1)
    worst = scores[:, :, list(bad)].sum(axis=2).argmax(axis=1)
    return np.asarray(tiles[np.arange(len(tiles)), worst], np.float32)


def select_tiles(
    train: Examples,
    halves: NDArray[np.intp],
    validation: Examples,
    tiles: Tiles,
    count: int,
    bad: Sequence[int],
) -> tuple[Examples, Examples]:
    """Return tiles that show their image's label: all tiles of good parts, the worst of bad ones.

    Args:
        train: N images, features (N, T * D).
        halves: int (N,), 0 or 1; images of one part are in the same half. Neither half is empty.
        validation: other images.
        tiles: R and C.
        count: K, the number of labels.
        bad: indices of the labels of bad parts.

    Returns:
        Tiles for training and tiles for validation, features (M, D) each.
    """
    split = [train.take(halves == half) for half in (0, 1)]
    # The tiles of each half are chosen by the head of the other half.
    heads = [_fit(mean_tiles(half, tiles), count) for half in split[::-1]]
    for _ in range(_ROUNDS):
        chosen = [_selected(half, head, bad) for half, head in zip(split, heads, strict=True)]
        heads = [_fit(half, count) for half in chosen[::-1]]
    chosen = [_selected(half, head, bad) for half, head in zip(split, heads, strict=True)]
    return _concatenated(chosen), _selected(validation, heads[0], bad)


def _selected(examples: Examples, head: Head, bad: Sequence[int]) -> Examples:
    is_bad = np.isin(examples.labels, bad)
    good, size = examples.take(~is_bad), len(head.kernel)
    good_tiles = good.features.reshape(-1, size)
    labels = np.repeat(good.labels, len(good_tiles) // max(1, len(good.labels)))
    worst = worst_tiles(head, examples.features[is_bad], bad)
    return _concatenated([Examples(good_tiles, labels), Examples(worst, examples.labels[is_bad])])


def _concatenated(examples: Sequence[Examples]) -> Examples:
    return Examples(
        np.concatenate([each.features for each in examples]),
        np.concatenate([each.labels for each in examples]),
    )


def _fit(examples: Examples, count: int) -> Head:
    return fit_head(examples, examples, count, _SETTINGS).head
