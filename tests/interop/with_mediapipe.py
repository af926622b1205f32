"""MediaPipe Tasks' ImageClassifier on a partsight model, from its path and from its bytes.

usage: python with_mediapipe.py MODEL REFERENCE.npz TOLERANCE
"""

from __future__ import annotations

import sys
from pathlib import Path

import mediapipe as mp
import numpy as np
from agreement import require
from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
from mediapipe.tasks.metadata import schema_py_generated as schema
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import ImageClassifier, ImageClassifierOptions


def scores_of(base: BaseOptions, pixels: np.ndarray, labels: list[str]) -> np.ndarray:
    """float (N, K), in the order of the labels."""
    rows = []
    with ImageClassifier.create_from_options(ImageClassifierOptions(base_options=base)) as judge:
        for picture in pixels:
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=picture)
            (head,) = judge.classify(image).classifications
            named = {each.category_name: each.score for each in head.categories}
            if sorted(named) != sorted(labels):
                sys.exit(f"expected the labels {labels}, received {sorted(named)}")
            rows.append([named[label] for label in labels])
    return np.array(rows)


def facts(data: bytes) -> dict[str, object]:
    """What the standard schema's own reader finds."""
    model = schema.Model.GetRootAs(data)
    entries = {
        entry.Name(): entry.Buffer() for entry in map(model.Metadata, range(model.MetadataLength()))
    }
    buffer = model.Buffers(entries[b"TFLITE_METADATA"]).DataAsNumpy().tobytes()
    found = metadata_schema.ModelMetadataT.InitFromPackedBuf(buffer)
    (graph,) = found.subgraphMetadata
    picture, scores = graph.inputTensorMetadata[0], graph.outputTensorMetadata[0]
    size, scaling = picture.content.contentProperties.defaultSize, picture.processUnits[0].options
    texts = {
        "name": found.name,
        "license": found.license,
        "author": found.author,
        "parser": found.minParserVersion,
        "labels": scores.associatedFiles[0].name,
    }
    return {
        **{name: text and text.decode() for name, text in texts.items()},
        "size": (size.width, size.height),
        "mean": scaling.mean.tolist(),
        "std": scaling.std.tolist(),
    }


def main(model: str, reference: str, tolerance: str) -> None:
    expected = np.load(reference)
    labels = expected["labels"].tolist()
    data = Path(model).read_bytes()
    for way, base in (
        ("path", BaseOptions(model_asset_path=model)),
        ("bytes", BaseOptions(model_asset_buffer=data)),
    ):
        scores = scores_of(base, expected["pixels"], labels)
        require(f"MediaPipe, from {way}", scores, expected["scores"], float(tolerance))
    said = facts(data)
    height, width = expected["pixels"].shape[1:3]
    must = {"size": (width, height), "labels": "labels.txt", "parser": "1.0.0", "std": [255.0]}
    if {**said, **must} != said:
        sys.exit(f"expected the metadata to say {must}, received {said}")
    print(f"MediaPipe reads: {said}")


if __name__ == "__main__":
    main(*sys.argv[1:])
