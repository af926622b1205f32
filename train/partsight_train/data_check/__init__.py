"""What may be wrong with labelled pictures, found before they are learned from.

``check`` gives findings, ``page`` shows them; ``partsight check-data`` and ``train`` call.
"""

from partsight_train.data_check.check import check
from partsight_train.data_check.duplicates import groups
from partsight_train.data_check.findings import Finding, Severity
from partsight_train.data_check.looks import look_at
from partsight_train.data_check.page import findings_html

__all__ = ["Finding", "Severity", "check", "findings_html", "groups", "look_at"]
