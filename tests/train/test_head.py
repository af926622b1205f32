"""The head's algebra."""

from __future__ import annotations

import numpy as np

from partsight_train.heads.head import Examples, Head, predict


def test_predict_is_the_softmax_of_the_logits() -> None:
    head = Head(np.array([[1, 0], [0, 2]], np.float32), np.array([0, 1], np.float32))
    scores = predict(head, np.array([[1, 0], [0, 1], [5000, 0]], np.float32))
    expected = [[0.5, 0.5], [1 / (1 + np.exp(3)), 1 / (1 + np.exp(-3))], [1, 0]]
    np.testing.assert_allclose(scores, expected, atol=1e-12)


def test_take_keeps_features_and_labels_together() -> None:
    examples = Examples(np.arange(6, dtype=np.float32).reshape(3, 2), np.array([0, 1, 0]))
    taken = examples.take(np.array([2, 1]))
    np.testing.assert_array_equal(taken.features, [[4, 5], [2, 3]])
    np.testing.assert_array_equal(taken.labels, [0, 1])
