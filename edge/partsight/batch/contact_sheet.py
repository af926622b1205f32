"""Contact sheet: one self-contained HTML page of the images that were not accepted, worst first."""

from __future__ import annotations

import base64
import heapq
import html
import itertools
from pathlib import Path

import numpy as np

from partsight.batch.run import ClassifiedInput
from partsight.decision.decide import accept_score
from partsight.decision.operating_point import OperatingPoint
from partsight.image.decode import decode
from partsight.image.encode import encode
from partsight.image.resize import shrink
from partsight.inputs.base import InputImage
from partsight.records import Verdict
from partsight.results.text import strict_text
from partsight.utils.files import write_atomic

__all__ = ["ContactSheet"]

# Pixels of a thumbnail: a scratch of a tenth of the part is still visible, and 500 take about 5 MB.
_SIDE = 240
_QUALITY = 80
_SHOWN = 500

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>partsight: not accepted</title>
<style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 24px; color: #1b1b1b; background: #fff; }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 16px; }}
figure {{ margin: 0; border: 1px solid #ccc; border-radius: 4px; padding: 8px; }}
figure.reject {{ border-top: 4px solid #b3261e; }}
figure.review {{ border-top: 4px solid #a66300; }}
img {{ display: block; margin: 0 auto 8px; max-width: 100%; }}
figcaption {{ overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>Not accepted: {shown} of {total}</h1>
<p>The lowest score for acceptance first. Model {model}.</p>
<main>
{figures}
</main>
</body>
</html>
"""

_FIGURE = """<figure class="{verdict}">
<img alt="{name}" src="data:image/jpeg;base64,{data}">
<figcaption><b>{verdict}</b>: {scores}<br>{reason}<br>{name}</figcaption>
</figure>"""


class ContactSheet:
    """Observer of a run that keeps thumbnails of the worst images only.

    Args:
        path: of the page.
        point: operating point of the verdicts.
        shown: maximum number of images.
        bit_depth: of the model's ``PreprocessSpec``.
    """

    def __init__(
        self,
        path: Path,
        point: OperatingPoint,
        *,
        shown: int = _SHOWN,
        bit_depth: int | None = None,
    ) -> None:
        self._path, self._point, self._shown = path, point, shown
        self._bit_depth = bit_depth
        # A heap with the best of the worst on top. Of equal scores, the first images stay.
        self._worst: list[tuple[float, int, str]] = []
        self._numbers = itertools.count(0, -1)
        self._total, self._model = 0, "not used"

    def __call__(self, outcome: ClassifiedInput) -> None:
        """Keep one image if it was not accepted and is among the worst.

        Raises:
            ImageError: the file can no longer be read.
        """
        row = outcome.row
        self._model = row["model"]
        if row["verdict"] in (None, Verdict.ACCEPT) or not isinstance(outcome.item, InputImage):
            return
        self._total += 1
        badness, number = -accept_score(row["scores"], self._point), next(self._numbers)
        if len(self._worst) < self._shown:
            heapq.heappush(
                self._worst, (badness, number, _figure(outcome, outcome.item, self._bit_depth))
            )
        elif (badness, number) > self._worst[0][:2]:
            heapq.heapreplace(
                self._worst, (badness, number, _figure(outcome, outcome.item, self._bit_depth))
            )

    def write(self) -> None:
        """Write the page.

        Raises:
            OutputError: it cannot be written.
        """
        figures = [figure for _, _, figure in sorted(self._worst, reverse=True)]
        page = _PAGE.format(
            shown=len(figures), total=self._total, model=self._model, figures="\n".join(figures)
        )
        write_atomic(self._path, page.encode())


def _figure(outcome: ClassifiedInput, input_image: InputImage, bit_depth: int | None) -> str:
    content, row = input_image.content, outcome.row
    image = content if isinstance(content, np.ndarray) else decode(content, bit_depth=bit_depth)
    data = encode(shrink(image, _SIDE), quality=_QUALITY)
    scores = sorted(row["scores"].items(), key=lambda each: -each[1])
    return _FIGURE.format(
        verdict=row["verdict"],
        scores=html.escape(", ".join(f"{label} {score:.3f}" for label, score in scores)),
        reason=html.escape(row.get("reason") or ""),
        name=html.escape(strict_text(input_image.name)),
        data=base64.b64encode(data).decode(),
    )
