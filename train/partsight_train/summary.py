"""What a finished training run says on the terminal."""

from __future__ import annotations

from partsight.report_text import metrics_text
from partsight_train.train import Outcome

__all__ = ["summary_text"]


def summary_text(outcome: Outcome) -> str:
    """The float model's test figures, the file's, their parity, and where things are."""
    metrics, int8 = outcome.metrics, outcome.metrics["int8"]
    point, parity = int8["operating_point"], int8["parity"]
    sections = [
        f"Test split, float model: {metrics_text(metrics, 'test_')}",
        f"Test split, int8 file: {metrics_text(int8, 'test_')}",
        f"Parity: same label on {parity['agreement']:.2%} of the test pictures, "
        f"scores differ by {parity['mean_difference']:.4f} on average, "
        f"{parity['max_difference']:.4f} at most",
        f"Operating point: accept above {point['accept_above']:.4f}, reject below "
        f"{point['reject_below']:.4f}, review between",
        f"Model:  {outcome.model}\nReport: {outcome.report}",
    ]
    return "\n\n".join(sections)
