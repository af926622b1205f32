"""Results of a finished run for TensorBoard, in addition to the learning curves.

Event files are always new; those of an earlier run stay. Called by ``train``.
"""

from __future__ import annotations

import dataclasses
import io
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tensorboard.plugins.hparams import api as hparams

from partsight.errors import ImageError
from partsight.image.preprocess import preprocess
from partsight.image.spec import PreprocessSpec
from partsight.image_files.read import read_images
from partsight.utils.printable import printable
from partsight_train.export.deliver import Delivery
from partsight_train.fit.learn import TrainedModel
from partsight_train.fit.measure import Mistake, mistakes
from partsight_train.run.provenance import public_settings
from partsight_train.settings import TrainSettings
from partsight_train.tensorboard.projector import write_projector
from partsight_train.tensorflow_stack import tf

__all__ = ["flat", "write_results"]

_MOST_MISTAKES = 24
# With more labels, counts and names are not legible.
_MOST_COUNTS = 20
_NAME_LENGTH = 24
_SIDE_IN, _DPI, _LINE = 5, 100, 70
_METRICS = ("test_accuracy", "auc")
_RESULTS = "results"


def write_results(
    log_dir: Path, trained_model: TrainedModel, delivery: Delivery, settings: TrainSettings
) -> None:
    """Write confusion matrix, mistakes, settings with metrics, and the embedding.

    Args:
        log_dir: folder for ``results/``; projector files of an earlier run in it are replaced.
        trained_model: the float model and the features.
        delivery: the file and its metrics.
        settings: settings of the run.
    """
    folder = log_dir / _RESULTS
    labels, int8 = delivery.metrics["labels"], delivery.metrics["int8"]
    wrong = mistakes(tuple(labels), delivery.file.on_test)[:_MOST_MISTAKES]
    with tf.summary.create_file_writer(str(folder)).as_default():
        hparams.hparams(flat(public_settings(dataclasses.asdict(settings))))
        for prefix, metrics in (("", delivery.metrics), ("int8_", int8)):
            for name in _METRICS:
                if metrics.get(name) is not None:
                    tf.summary.scalar(prefix + name, metrics[name], 0)
        _write_image("confusion", _confusion(np.array(int8["confusion"]), labels), "int8 file")
        for place, (mistake, pixels) in enumerate(_decoded(wrong, trained_model.backbone.spec), 1):
            caption = f"{mistake.true}, predicted {mistake.predicted} ({mistake.score:.3f})"
            image = _captioned(pixels, f"{mistake.path.name}\n{caption}")
            _write_image(f"misclassified/{place:02d}", image, caption)
    write_projector(folder, trained_model)


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, bool | int | float | str]:
    """Nested settings as plain values by dotted names, as TensorBoard's HParams needs them."""
    plain: dict[str, bool | int | float | str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            plain.update(flat(value, f"{prefix}{name}."))
        elif isinstance(value, bool | int | float | str):
            plain[prefix + name] = value
        elif isinstance(value, list | tuple):
            plain[prefix + name] = ", ".join(map(str, value))
        else:
            plain[prefix + name] = "none"
    return plain


def _write_image(tag: str, pixels: NDArray[np.uint8], description: str) -> None:
    # The description is Markdown; indented text is shown unchanged.
    text = "    " + printable(description, "\ufffd")
    tf.summary.image(tag, pixels[np.newaxis], 0, description=text)


def _decoded(
    wrong: Iterable[Mistake], spec: PreprocessSpec
) -> Iterable[tuple[Mistake, NDArray[np.uint8]]]:
    """Yield the mistakes whose images can be read, preprocessed for the network."""
    wrong = list(wrong)
    read = read_images([each.path for each in wrong], spec)
    for mistake, (_, image) in zip(wrong, read, strict=True):
        if not isinstance(image, ImageError):
            yield mistake, preprocess(image, spec)


def _confusion(confusion: NDArray[np.intp], labels: Sequence[str]) -> NDArray[np.uint8]:
    """Shares of each true label, with the number of images."""
    shares = confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True))

    def plot(axes: Axes) -> None:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        if len(labels) <= _MOST_COUNTS:
            names = [label[:_NAME_LENGTH] for label in labels]
            axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
            axes.set_yticks(range(len(names)), names)
            for (row, column), count in np.ndenumerate(confusion):
                colour = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", color=colour)

    return _draw(plot)


def _captioned(pixels: NDArray[np.uint8], caption: str) -> NDArray[np.uint8]:
    def plot(axes: Axes) -> None:
        axes.imshow(pixels)
        axes.set_axis_off()
        # Not with the wrapping of Matplotlib, which parses the text as TeX.
        lines = [wrapped for line in caption.split("\n") for wrapped in textwrap.wrap(line, _LINE)]
        axes.set_title("\n".join(lines), fontsize=9)

    return _draw(plot)


def _draw(plot: Callable[[Axes], None]) -> NDArray[np.uint8]:
    """Draw to uint8 (H, W, 3), RGB. A letter that the font lacks is a box, without a warning."""
    # Matplotlib would parse a label or a file name with two dollar signs as TeX.
    style: list[str | dict[str, Any]] = ["default", {"text.parse_math": False}]
    buffer = io.BytesIO()
    with matplotlib.style.context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        figure = Figure(figsize=(_SIDE_IN, _SIDE_IN), dpi=_DPI, layout="constrained")
        plot(figure.subplots())
        figure.savefig(buffer, format="rgba")
    side = _SIDE_IN * _DPI
    return np.frombuffer(buffer.getvalue(), np.uint8).reshape(side, side, 4)[..., :3]
