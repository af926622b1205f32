"""The report of a training run: one self-contained HTML file, for people.

Enters: a ``RunRecord``, all that is known of a run. Leaves: HTML without scripts and outside
references, to be read on any machine and printed. Called at the end of training.
"""

from partsight_train.report.page import report_html
from partsight_train.report.record import RunRecord

__all__ = ["RunRecord", "report_html"]
