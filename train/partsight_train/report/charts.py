"""The charts of the report. They contain no names of labels or files, which may be any text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from partsight.decision.operating_point import OperatingPoint
from partsight_train.report.curves import Bin, precision_recall, roc
from partsight_train.report.kinds import Kinds
from partsight_train.report.svg import BAD, GOOD, GREY, draw

__all__ = [
    "histogram_chart",
    "learning_chart",
    "precision_recall_chart",
    "reliability_chart",
    "roc_chart",
]

_SCORE_BINS = 40
_DASHES = (0, (4, 3))


def roc_chart(kinds: Kinds, point: OperatingPoint) -> Markup:
    """ROC curve of the deciding score; needs good and bad parts."""
    false_rejects, recall = roc(kinds)
    missed = kinds.score <= point.accept_above
    at = (missed[~kinds.bad].mean(), missed[kinds.bad].mean())

    def plot(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=_DASHES)
        axes.plot(false_rejects, recall, color=GOOD, clip_on=False)
        _mark(axes, *at)
        axes.set_xlabel("false-reject rate: good parts not accepted")
        axes.set_ylabel("recall: bad parts not accepted")
        _unit_square(axes)

    return draw("roc", "ROC curve with the operating point marked", plot)


def precision_recall_chart(kinds: Kinds, point: OperatingPoint) -> Markup:
    """Precision-recall curve of bad parts; needs good and bad parts."""
    recall, precision = precision_recall(kinds)
    missed = kinds.score <= point.accept_above

    def plot(axes: Axes) -> None:
        axes.axhline(kinds.bad.mean(), color=GREY, linewidth=0.8, linestyle=_DASHES)
        # Below the recall of the lowest threshold: the same precision, for some of its parts.
        extended = np.insert(recall, 0, 0), np.insert(precision, 0, precision[0])
        axes.step(*extended, color=GOOD, where="pre", clip_on=False)
        if missed.any():
            _mark(axes, missed[kinds.bad].mean(), kinds.bad[missed].mean())
        axes.set_xlabel("recall: bad parts not accepted")
        axes.set_ylabel("precision: bad among those not accepted")
        _unit_square(axes)

    return draw("precision-recall", "Precision-recall curve with the operating point marked", plot)


def reliability_chart(bins: Sequence[Bin], score_name: str, share_name: str) -> Markup:
    """Observed share by score, with 95 % intervals and the number of images."""
    score, share = [b.score for b in bins], np.array([b.share for b in bins])
    reach = np.abs(np.array([b.interval for b in bins]).reshape(-1, 2).T - share)

    def plot(axes: Axes, counts: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=_DASHES)
        axes.errorbar(
            score, share, reach, color=GOOD, fmt="o", markersize=4, elinewidth=1, clip_on=False
        )
        axes.set_ylabel(share_name)
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        counts.bar(
            [(int(min(b.score * 10, 9)) + 0.5) / 10 for b in bins],
            [b.count for b in bins],
            width=0.092,
            color="#9a9a9a",
        )
        for b in bins:
            position = ((int(min(b.score * 10, 9)) + 0.5) / 10, b.count)
            counts.annotate(
                str(b.count), position, (0, 2), textcoords="offset points", ha="center", fontsize=8
            )
        counts.set_ylabel("images")
        counts.margins(y=0.35)
        counts.yaxis.set_major_locator(MaxNLocator(2, integer=True))
        counts.set_xlabel(score_name)
        counts.set_xlim(0, 1)

    return draw(
        "reliability",
        "Reliability diagram with images per bin",
        plot,
        2,
        height=1.25,
    )


def histogram_chart(kinds: Kinds, point: OperatingPoint) -> Markup:
    """Scores of good and of bad parts, with the thresholds."""
    edges = np.linspace(0, 1, _SCORE_BINS + 1).tolist()

    def plot(*panels: Axes) -> None:
        rows = (("good parts", ~kinds.bad, GOOD), ("bad parts", kinds.bad, BAD))
        for axes, (name, chosen, colour) in zip(panels, rows, strict=True):
            counts, *_ = axes.hist(kinds.score[chosen], edges, color=colour)
            highest = float(np.max(counts))
            if highest:  # zero has no logarithm
                axes.set_yscale("log")
            axes.set_ylim(0.7 if highest else 0, max(10, 2 * highest))
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.minorticks_off()
            axes.set_ylabel(f"images of {name}")
            axes.axvline(point.accept_above, color="#222222", linewidth=1)
            axes.axvline(point.reject_below, color="#222222", linewidth=1, linestyle=_DASHES)
        panels[0].set_xlim(0, 1)
        panels[-1].set_xlabel("score for a good part")

    return draw("scores", "Score histograms of good and bad parts", plot, 2, height=1.25)


def learning_chart(
    phase: int, measure: str, epochs: Sequence[Mapping[str, float]]
) -> Markup | None:
    """Loss or accuracy by epoch, for training and validation; None if none was recorded."""
    lines = [
        (name, [epoch.get(key, np.nan) for epoch in epochs], colour, style)
        for name, key, colour, style in (
            ("train", measure, GOOD, "-"),
            ("validation", f"val_{measure}", BAD, _DASHES),
        )
        if any(key in epoch for epoch in epochs)
    ]
    if not lines:
        return None

    def plot(axes: Axes) -> None:
        for name, values, colour, style in lines:
            numbers = range(1, len(values) + 1)
            # A line does not show a single epoch.
            marker = "o" if len(values) == 1 else ""
            axes.plot(numbers, values, color=colour, linestyle=style, label=name, marker=marker)
        axes.set_xlim(0.5, len(epochs) + 0.5)
        axes.set_xlabel("epoch")
        axes.set_ylabel(measure)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if measure == "accuracy":
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend()

    return draw(f"learning-{phase}-{measure}", f"{measure} by epoch", plot, height=0.85)


def _mark(axes: Axes, x: float, y: float) -> None:
    axes.plot([x], [y], "o", color=BAD, markersize=6, clip_on=False, zorder=5)


def _unit_square(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
