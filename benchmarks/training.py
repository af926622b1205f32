"""The same head on the same pictures: plain tf-keras, and partsight from an empty cache.

    pip install -c constraints.txt '.[train]'
    python benchmarks/training.py PICTURES

PICTURES has a sub-folder a label. Plain tf-keras is what the TF Hub tutorial does: a frozen
``hub.KerasLayer``, a softmax layer, ``model.fit`` over decoded batches, epoch after epoch
through the whole network, with a look at the validation split after each. Both use the same
SavedModel, the same split and the same preprocessing; each runs in a process of its own, in
turns, and times do not count imports.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROUNDS = 3
# Of plain tf-keras: as many as the tutorial takes, and until it is as good, if it ever is.
EPOCHS, MOST_EPOCHS = 5, 15
BACKBONE = "efficientnet-lite0"


def split_images(folder: Path) -> dict[str, list[Any]]:
    from partsight_train.data.dataset import Split, scan, split

    dataset = split(scan(folder), validation_share=0.1, test_share=0.2)
    return {part.value: list(dataset.of(part)) for part in Split}


def timer() -> Callable[[], float]:
    last = [time.perf_counter()]

    def lap() -> float:
        last.append(time.perf_counter())
        return last[-1] - last[-2]

    return lap


def plain(folder: Path) -> dict[str, float]:
    """As in the tutorial, but with partsight's pixels, so that only the way differs."""
    import numpy as np

    from partsight.image.decode import decode
    from partsight.image.preprocess import preprocess
    from partsight_train.backbones.backbone import open_backbone
    from partsight_train.tensorflow_stack import hub, keras, tf

    backbone = open_backbone(BACKBONE)
    spec, parts = backbone.spec, split_images(folder)

    def batches(pictures: list[Any], *, shuffle: bool) -> Any:
        def read(path: bytes) -> Any:
            return preprocess(decode(Path(path.decode()), spec), spec).astype(np.float32) / 255

        def load(path: Any, label: Any) -> Any:
            image = tf.numpy_function(read, [path], tf.float32)
            return tf.ensure_shape(image, (spec.height, spec.width, 3)), label

        paths, labels = [str(p.path) for p in pictures], [p.label for p in pictures]
        data = tf.data.Dataset.from_tensor_slices((paths, labels))
        if shuffle:
            data = data.shuffle(len(paths), seed=0)
        return data.map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(32).prefetch(2)

    keras.utils.set_random_seed(0)
    lap = timer()
    model = keras.Sequential(
        [
            hub.KerasLayer(
                str(backbone.folder),
                trainable=False,
                input_shape=(spec.height, spec.width, 3),
            ),
            keras.layers.Dense(2, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    train, validation = batches(parts["train"], shuffle=True), parts["validation"]
    seconds, figures = 0.0, {}
    for epoch in range(1, MOST_EPOCHS + 1):
        model.fit(train, validation_data=batches(validation, shuffle=False), verbose=0)
        seconds += lap()
        if epoch in (EPOCHS, MOST_EPOCHS):
            _, accuracy = model.evaluate(batches(parts["test"], shuffle=False), verbose=0)
            figures[f"seconds_{epoch}_epochs"] = seconds
            figures[f"accuracy_{epoch}_epochs"] = float(accuracy)
            lap()
    return figures


def ours(folder: Path) -> dict[str, float]:
    """What ``partsight train`` does up to the trained head; the test split is only scored."""
    import numpy as np

    from partsight_train.backbones.backbone import open_backbone
    from partsight_train.data.feature_cache import open_cache
    from partsight_train.data.features import compute_features
    from partsight_train.heads.fit_head import fit_head
    from partsight_train.heads.head import Examples, predict
    from partsight_train.settings import HeadSettings

    backbone, parts = open_backbone(BACKBONE), split_images(folder)
    with (
        tempfile.TemporaryDirectory() as empty,
        open_cache(Path(empty), backbone.identity, backbone.spec, backbone.feature_size) as cache,
    ):

        def examples(pictures: list[Any]) -> Examples:
            vectors = compute_features([p.path for p in pictures], backbone, cache).vectors
            labels = np.array([p.label for p in pictures], np.intp)
            return Examples(np.stack([vectors[p.path] for p in pictures]), labels)

        lap = timer()
        examples(parts["train"] + parts["validation"])
        features_s = lap()
        train, validation = examples(parts["train"]), examples(parts["validation"])
        head = fit_head(train, validation, 2, HeadSettings()).head
        head_s = lap()
        test = examples(parts["test"])
        accuracy = (predict(head, test.features).argmax(axis=1) == test.labels).mean()
        lap()
        again = examples(parts["train"])
        cached_s = lap()
        fit_head(again, validation, 2, HeadSettings("sgd", 0.01, steps=4000, patience=None))
        classic_s = lap()
    return {
        "seconds": features_s + head_s,
        "accuracy": float(accuracy),
        "features_s": features_s,
        "head_s": head_s,
        "features_from_cache_s": cached_s,
        "classic_4000_steps_s": classic_s,
    }


def measure(way: str, folder: str) -> dict[str, float]:
    command = [sys.executable, __file__, folder, way]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(output.splitlines()[-1])
    return result


def main() -> None:
    folder = sys.argv[1]
    if len(sys.argv) > 2:
        way = {"plain": plain, "partsight": ours}[sys.argv[2]]
        print(json.dumps(way(Path(folder))))
        return
    rounds = [{way: measure(way, folder) for way in ("plain", "partsight")} for _ in range(ROUNDS)]
    medians = {
        way: {key: statistics.median(each[way][key] for each in rounds) for key in figures}
        for way, figures in rounds[0].items()
    }
    for way, figures in medians.items():
        print(way, ", ".join(f"{key} {value:.3f}" for key, value in figures.items()))
    for epochs in (EPOCHS, MOST_EPOCHS):
        ratio = medians["plain"][f"seconds_{epochs}_epochs"] / medians["partsight"]["seconds"]
        print(f"partsight takes a {ratio:.1f}th of the time of {epochs} epochs of plain tf-keras")


if __name__ == "__main__":
    main()
