"""The report of a training run: one self-contained HTML file, for people.

``report_html`` turns a ``RunRecord`` into HTML without scripts or external references, which can
be read and printed on any machine. Called at the end of training.
"""

from partsight_train.report.page import report_html
from partsight_train.report.record import RunRecord

__all__ = ["RunRecord", "report_html"]
