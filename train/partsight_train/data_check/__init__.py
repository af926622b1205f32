"""Checks of labelled images before training: ``check`` gives findings, ``page`` shows them."""

from partsight_train.data_check.check import check
from partsight_train.data_check.findings import Finding, Severity
from partsight_train.data_check.page import findings_html

__all__ = ["Finding", "Severity", "check", "findings_html"]
