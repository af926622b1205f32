"""Draw docs/images/thresholds.png: scores of good and bad parts, and the two thresholds.

partsight demo
python docs/images/make_thresholds.py partsight-demo/run/model-int8.tflite
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from partsight import Classifier
from partsight.sample_data import render_part

PER_LABEL = 150
# The demo's model was trained on seed 0.
SEED = 3
# Wider than the demo's own thresholds, to show a review zone.
ACCEPT_ABOVE, REJECT_BELOW = 0.8, 0.3
ZONES = (
    (0.0, REJECT_BELOW, "#c8323c", "reject"),
    (REJECT_BELOW, ACCEPT_ABOVE, "#dc8c1e", "review"),
    (ACCEPT_ABOVE, 1.0, "#28965a", "accept"),
)


def main(model: str) -> None:
    """Classify fresh sample parts and draw the histograms of their scores."""
    classifier = Classifier.load(model)
    scores = {
        label: [
            classifier.classify([render_part(label, index, SEED)])[0].scores["healthy"]
            for index in range(PER_LABEL)
        ]
        for label in ("healthy", "defected")
    }
    for label, values in scores.items():
        counts = np.histogram(values, [0, REJECT_BELOW, ACCEPT_ABOVE, 1])[0]
        print(label, dict(zip(("reject", "review", "accept"), counts.tolist(), strict=True)))
    figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
    for left, right, colour, verdict in ZONES:
        axes.axvspan(left, right, color=colour, alpha=0.15)
        axes.text((left + right) / 2, 120, verdict, ha="center", color=colour, weight="bold")
    bins = np.linspace(0, 1, 26)
    axes.hist(scores["defected"], bins, color="#c8323c", alpha=0.7, label="bad parts")
    axes.hist(scores["healthy"], bins, color="#28965a", alpha=0.7, label="good parts")
    axes.set(xlabel='score for "good"', ylabel="parts", xlim=(0, 1), yscale="log", ylim=(0.7, 250))
    axes.legend(loc="center", fontsize="small")
    figure.savefig(Path(__file__).with_name("thresholds.png"), dpi=100)


if __name__ == "__main__":
    main(sys.argv[1])
