"""What it is worth to fit the head to int8 features too: accuracy and agreement, in five folds.

    pip install -c constraints.txt '.[train]'
    python benchmarks/int8_head.py PICTURES

PICTURES has a sub-folder a label. A head is fitted to float features, and one to float and int8
features; each judges the other fold's pictures by either.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from partsight_train.backbones.backbone import open_backbone
from partsight_train.data.calibration import choose_calibration
from partsight_train.data.dataset import Split, scan, split
from partsight_train.data.features import compute_features
from partsight_train.fit.cross_validation import divide
from partsight_train.heads.fit_head import fit_head
from partsight_train.heads.head import Examples, predict
from partsight_train.settings import HeadSettings, TrainSettings

FOLDS = 5


def main() -> None:
    settings = TrainSettings()
    dataset, backbone = split(scan(Path(sys.argv[1]))), open_backbone(settings.backbone)
    paths = [each.path for each in dataset.images]
    labels = np.array([each.label for each in dataset.images], np.intp)
    chosen = choose_calibration(dataset.of(Split.TRAIN), backbone.spec, settings.calibration, 0)
    kinds = {}
    for name, calibration in (("float", None), ("int8", chosen)):
        vectors = compute_features(paths, backbone, calibration=calibration).vectors
        kinds[name] = np.stack([vectors[path] for path in paths])

    for fitted in (("float",), ("float", "int8")):
        predicted = {name: np.zeros(len(labels), np.intp) for name in kinds}
        for fold in divide(dataset, FOLDS):
            features = np.concatenate([kinds[name][fold.train] for name in fitted])
            train = Examples(features, np.tile(labels[fold.train], len(fitted)))
            watched = Examples(kinds["float"][fold.validation], labels[fold.validation])
            head = fit_head(train, watched, len(dataset.labels), HeadSettings()).head
            for name, vectors in kinds.items():
                predicted[name][fold.test] = predict(head, vectors[fold.test]).argmax(axis=1)
        figures = [f"{name} {(of == labels).mean():.4f}" for name, of in predicted.items()]
        agreement = (predicted["float"] == predicted["int8"]).mean()
        print(f"fitted to {' and '.join(fitted):14} {', '.join(figures)}, same {agreement:.4f}")


if __name__ == "__main__":
    main()
