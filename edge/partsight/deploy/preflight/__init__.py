"""Whether a valid configuration can work on this device, checked without side effects.

``partsight config check`` prints all findings; ``partsight watch`` refuses to start on an error.
A new check is a function that yields findings, listed in ``checks.py``.
"""

from __future__ import annotations

from partsight.deploy.preflight.checks import preflight, require_startable
from partsight.deploy.preflight.findings import Finding

__all__ = ["Finding", "preflight", "require_startable"]
