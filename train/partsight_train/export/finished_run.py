"""The float model and the images of a finished run folder, for an export."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.decision.decide import worst_tile
from partsight.decision.operating_point import OperatingPoint
from partsight.errors import DatasetError, ModelError
from partsight.image.preprocess import preprocess
from partsight.image_files.read import read_images
from partsight.model.contract import Contract
from partsight.model.file import load_model_file
from partsight.utils.native_output import suppressed_stderr
from partsight_train.data.dataset import LabelledImage, Split
from partsight_train.export.variant import ReferenceModel
from partsight_train.run.run_dir import DELIVERY, RunDir
from partsight_train.settings import settings_from_document
from partsight_train.tensorflow_stack import tf

__all__ = ["open_finished_run"]


def open_finished_run(run: RunDir) -> ReferenceModel:
    """Load the float model of a run with its images, and compute its scores.

    Raises:
        DatasetError: an image is missing, or was changed after the run.
        ModelError: the run is not finished, or its model cannot be loaded.
        OutputError: the list of its images is missing or damaged.
    """
    delivered = load_model_file(run.path / DELIVERY).contract
    images = _images_of(run, delivered.labels)
    network = _network(run.saved_model)
    provenance = {name: v for name, v in delivered.provenance.items() if name != "export"}
    point = OperatingPoint(delivered.operating_point.accept_labels)
    draft = dataclasses.replace(
        delivered,
        operating_point=point,
        provenance=provenance,
        golden=(),
        heatmap=None,
        reference=None,
    )
    return ReferenceModel(
        network,
        draft,
        settings_from_document(provenance["settings"]),
        images,
        {split: _scores(network, images[split], draft) for split in (Split.VALIDATION, Split.TEST)},
    )


def _images_of(run: RunDir, labels: tuple[str, ...]) -> dict[Split, list[LabelledImage]]:
    images: dict[Split, list[LabelledImage]] = {split: [] for split in Split}
    for path, label, split, expected in run.read_images():
        try:
            digest = hashlib.sha256(path.read_bytes()).digest()
        except OSError as error:
            raise DatasetError(
                f"cannot read {path}, an image of the run in {run.path}: "
                f"{error.strerror or error}. Restore the image, or train again."
            ) from error
        if digest != expected:
            raise DatasetError(
                f"{path} was changed after the run in {run.path}: its SHA-256 differs. "
                "Restore the image, or train again."
            )
        images[split].append(LabelledImage(path, labels.index(label), split, 0.0))
    return images


def _network(folder: Path) -> Any:
    try:
        with suppressed_stderr():
            loaded = tf.saved_model.load(str(folder))
        served = loaded.signatures["serving_default"]
        (name,), (output,) = served.structured_input_signature[1], served.structured_outputs
    except Exception as error:  # noqa: BLE001 - TensorFlow raises many types
        raise ModelError(
            f"cannot load the float model in {folder}: {error}. Expected a finished run "
            "folder of 'partsight train'; train again."
        ) from error

    def network(image: Any, loaded: Any = loaded) -> Any:
        """Run the network. ``loaded`` keeps the variables alive."""
        return served(**{name: image})[output]

    return network


def _scores(
    network: Any, images: Sequence[LabelledImage], contract: Contract
) -> NDArray[np.float64]:
    """Scores of the worst tile of each image, float (N, K)."""
    run, spec, rows = tf.function(network), contract.preprocess, []
    accepted, tiled = contract.operating_point.accept_labels, contract.tiles != (1, 1)
    for path, image in read_images((each.path for each in images), spec):
        if not isinstance(image, np.ndarray):
            raise DatasetError(f"{path}: {image}")
        batch = preprocess(image, spec).astype(np.float32)[np.newaxis] / np.float32(255)
        scores = run(tf.constant(batch)).numpy()[0].astype(np.float64)
        rows.append(scores[worst_tile(contract.labels, scores, accepted)] if tiled else scores)
    return np.array(rows)
