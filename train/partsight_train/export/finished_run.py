"""What an export takes, out of the folder of a finished run."""

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
from partsight.utils.native_output import held_stderr
from partsight_train.data.dataset import LabelledImage, Split
from partsight_train.export.variant import ReferenceModel
from partsight_train.run.run_dir import DELIVERY, RunDir
from partsight_train.settings import settings_from_document
from partsight_train.tensorflow_stack import tf

__all__ = ["open_finished_run"]


def open_finished_run(run: RunDir) -> ReferenceModel:
    """The float model of a run, its pictures, and what it says of those of the test split.

    Raises:
        DatasetError: a picture is missing or was changed since.
        ModelError: the run was not finished, or its model cannot be loaded.
        OutputError: the list of its pictures is missing or damaged.
    """
    delivered = load_model_file(run.path / DELIVERY).contract
    parts = _pictures(run, delivered.labels)
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
        parts,
        {part: _scores(network, parts[part], draft) for part in (Split.VALIDATION, Split.TEST)},
    )


def _pictures(run: RunDir, labels: tuple[str, ...]) -> dict[Split, list[LabelledImage]]:
    parts: dict[Split, list[LabelledImage]] = {part: [] for part in Split}
    for path, label, part, promised in run.read_images():
        try:
            digest = hashlib.sha256(path.read_bytes()).digest()
        except OSError as error:
            raise DatasetError(
                f"cannot read {path}, which the run in {run.path} was measured on: "
                f"{error.strerror or error}. Bring it back, or train again."
            ) from error
        if digest != promised:
            raise DatasetError(
                f"{path} is not the picture that the run in {run.path} was measured on. "
                "Bring that back, or train again."
            )
        parts[part].append(LabelledImage(path, labels.index(label), part, 0.0))
    return parts


def _network(folder: Path) -> Any:
    try:
        with held_stderr():
            loaded = tf.saved_model.load(str(folder))
        served = loaded.signatures["serving_default"]
        (name,), (output,) = served.structured_input_signature[1], served.structured_outputs
    except Exception as error:  # noqa: BLE001 - TensorFlow raises what its parts raise
        raise ModelError(
            f"cannot load the float model in {folder}: {error}. Expected a folder that "
            "'partsight train' finished; train again."
        ) from error

    def network(image: Any, loaded: Any = loaded) -> Any:
        """``loaded`` holds the variables; they die with it."""
        return served(**{name: image})[output]

    return network


def _scores(
    network: Any, pictures: Sequence[LabelledImage], contract: Contract
) -> NDArray[np.float64]:
    """Of the worst tile, float (N, K)."""
    run, spec, rows = tf.function(network), contract.preprocess, []
    accepted, tiled = contract.operating_point.accept_labels, contract.tiles != (1, 1)
    for path, picture in read_images((each.path for each in pictures), spec):
        if not isinstance(picture, np.ndarray):
            raise DatasetError(f"{path}: {picture}")
        fed = preprocess(picture, spec).astype(np.float32)[np.newaxis] / np.float32(255)
        scores = run(tf.constant(fed)).numpy()[0].astype(np.float64)
        rows.append(scores[worst_tile(contract.labels, scores, accepted)] if tiled else scores)
    return np.array(rows)
