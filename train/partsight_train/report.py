"""The report of a training run: one self-contained HTML file, for people.

Enters: the documents of the run and the scores of the delivered file. Leaves: HTML with
no outside references, to be opened on any machine and printed.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from partsight.decode import decode
from partsight.evaluate import ScoredPictures
from partsight.opencv import cv2
from partsight.preprocess import PreprocessSpec

__all__ = ["report_html"]

_MOST_MISTAKES = 24
_THUMBNAIL = PreprocessSpec(160, 160)
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
h1, h2 { line-height: 1.2 }
table { border-collapse: collapse; margin: .5rem 0 1rem }
th, td { border: 1px solid #bbb; padding: .25rem .75rem; text-align: right }
th:first-child, td:first-child { text-align: left }
figure { display: inline-block; margin: .5rem; width: 160px; vertical-align: top;
  break-inside: avoid }
figcaption { font-size: .8rem; overflow-wrap: anywhere }
pre { background: #f4f4f4; padding: 1rem; overflow: auto; white-space: pre-wrap }
"""


def report_html(
    metrics: Mapping[str, Any], provenance: Mapping[str, Any], on_test: ScoredPictures
) -> str:
    """Lay out a run.

    Args:
        metrics: the document of ``metrics.json``.
        provenance: how the model was made.
        on_test: what the delivered file said of the test pictures.
    """
    labels, int8 = metrics["labels"], metrics["int8"]
    parity = int8["parity"]
    sections = [
        "<h1>partsight training report</h1>",
        f"<p>Made {_text(provenance['created_at'])} from {_text(provenance['pictures'])}.</p>",
        "<h2>Float model, test split</h2>",
        _figures(metrics),
        "<h2>Delivered int8 file, test split</h2>",
        _figures(int8),
        f"<p>Same label as the float model on {parity['agreement']:.2%} of the test pictures; "
        f"scores differ by {parity['mean_difference']:.4f} on average, "
        f"{parity['max_difference']:.4f} at most.</p>",
        "<h2>Operating point of the file</h2>",
        _operating_point(int8["operating_point"]),
        "<h2>Mistakes of the file, the surest first</h2>",
        _mistakes(labels, on_test),
        "<h2>How it was made</h2>",
        f"<pre>{_text(json.dumps(provenance, indent=2))}</pre>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>partsight report</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def _figures(metrics: Mapping[str, Any]) -> str:
    labels = metrics["labels"]
    area = metrics.get("auc")
    headline = f"accuracy {metrics['test_accuracy']:.4f} on {metrics['test_images']} pictures" + (
        "" if area is None else f", AUC {area:.4f}"
    )
    confusion = _table(
        ["true \\ predicted", *labels],
        ([label, *row] for label, row in zip(labels, metrics["confusion"], strict=True)),
    )
    keys = ["precision", "recall", "f1", "support"]
    rows = metrics["per_label"].items()
    measures = _table(["label", *keys], ([label, *(row[k] for k in keys)] for label, row in rows))
    return f"<p>{_text(headline)}</p>{confusion}{measures}"


def _operating_point(point: Mapping[str, Any]) -> str:
    return _table(["setting", "value"], ([key, value] for key, value in point.items()))


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    def line(cells: Iterable[Any], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{_cell(cell)}</{tag}>" for cell in cells) + "</tr>"

    return "<table>" + line(head, "th") + "".join(line(row, "td") for row in rows) + "</table>"


def _mistakes(labels: list[str], on_test: ScoredPictures) -> str:
    predicted = on_test.scores.argmax(axis=1)
    wrong = np.flatnonzero(predicted != on_test.true)
    if not len(wrong):
        return "<p>None.</p>"
    surest = wrong[np.argsort(-on_test.scores[wrong].max(axis=1), kind="stable")]
    figures = []
    for index in surest[:_MOST_MISTAKES]:
        path = on_test.paths[index]
        caption = (
            f"{path.name}: {labels[on_test.true[index]]}, taken for "
            f"{labels[predicted[index]]} ({on_test.scores[index].max():.3f})"
        )
        figures.append(
            f'<figure><img src="{_thumbnail(path)}" width="160" alt="{_text(caption)}">'
            f"<figcaption>{_text(caption)}</figcaption></figure>"
        )
    more = len(wrong) - len(figures)
    return "".join(figures) + (f"<p>and {more} more</p>" if more else "")


def _thumbnail(path: Path) -> str:
    image = decode(path, _THUMBNAIL)
    scale = min(1.0, _THUMBNAIL.width / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small)
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else _text(value)


def _text(value: object) -> str:
    return html.escape(str(value))
