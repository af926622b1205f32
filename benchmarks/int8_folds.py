"""What int8 costs, by folds: each picture judged by an int8 file that never saw its part.

    pip install -c constraints.txt '.[train]'
    python benchmarks/int8_folds.py PICTURES [VIEWS]

PICTURES has a sub-folder a label. In each of five folds the whole recipe is learned, its model is
converted to the int8 file that would be delivered, and both judge the pictures that were left out.
The calibration pictures are the fold's own; those of the int8 features that heads are fitted to
are chosen once, from all training pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from partsight.api import Classifier
from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.evaluate import score_images
from partsight.model.contract import Contract
from partsight.model.file import attach_contract
from partsight.utils.progress import silent
from partsight_train.conversion.convert import convert
from partsight_train.data.calibration import choose_calibration
from partsight_train.data.prepare import Prepared, prepare
from partsight_train.export.assemble import assemble
from partsight_train.fit.cross_validation import Fold, divide
from partsight_train.fit.distribution import open_strategy
from partsight_train.fit.learn import TrainedModel, learn
from partsight_train.settings import TrainSettings

FOLDS = 5


def int8_file(
    trained_model: TrainedModel, prepared: Prepared, fold: Fold, settings: TrainSettings
) -> bytes:
    """The file that a run over the fold's training pictures would deliver."""
    pictures, spec = trained_model.dataset.images, trained_model.backbone.spec
    chosen = choose_calibration(
        [pictures[row] for row in fold.train], spec, settings.calibration, settings.head.seed
    )
    model = assemble(trained_model.backbone, trained_model.head)
    shape = (spec.height, spec.width, 3)
    flatbuffer = convert(lambda image: model(image), shape, "int8", chosen.images())
    point = OperatingPoint(prepared.accept_labels)
    return attach_contract(flatbuffer, Contract(trained_model.dataset.labels, spec, point))


def main() -> None:
    views = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    settings = TrainSettings(views=views)
    prepared = prepare(Path(sys.argv[1]), settings, lambda stage: silent)
    training_data, strategy = prepared.training_data, open_strategy(settings.fine_tune)
    labels = training_data.examples.labels
    predicted = {kind: np.zeros(len(labels), np.intp) for kind in ("float", "int8")}
    print("| fold | pictures | float | int8 | difference | same label |\n" + "| --- " * 6 + "|")

    def row(name: str, rows: np.ndarray) -> None:
        exact, quantized = (predicted[kind][rows] for kind in ("float", "int8"))
        right = [float((each == labels[rows]).mean()) for each in (exact, quantized)]
        print(
            f"| {name} | {len(rows)} | {right[0]:.4f} | {right[1]:.4f} "
            f"| {100 * (right[1] - right[0]):+.2f} | {(exact == quantized).mean():.4f} |",
            flush=True,
        )

    for number, fold in enumerate(divide(training_data.dataset, FOLDS)):
        trained_model = learn(training_data, fold.train, fold.validation, settings, strategy)
        classifier = Classifier.load(
            int8_file(trained_model, prepared, fold, settings), trusted=True
        )
        pictures = [training_data.dataset.images[each] for each in fold.test]
        scored = score_images(classifier, ((each.path, each.label) for each in pictures))
        predicted["float"][fold.test] = trained_model.scores(fold.test).argmax(axis=1)
        predicted["int8"][fold.test] = scored.scores.argmax(axis=1)
        row(str(number + 1), fold.test)
    row("all", np.arange(len(labels)))


if __name__ == "__main__":
    main()
