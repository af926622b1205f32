"""Addresses of cameras, streams and stores among paths to classify: refused, without secrets."""

from __future__ import annotations

import os
import re

from partsight.config.source_address import local_path
from partsight.config.source_address_hints import PIPELINE
from partsight.inputs.base import Unreadable
from partsight.utils.redaction import redact_address, redact_text, remember_address

__all__ = ["is_address", "refused_address"]

# One slash is left of two if the address went through a path; a single letter is a Windows drive.
_URL = re.compile(r"\s*[\"']?([A-Za-z][A-Za-z0-9+.-]+):/")
# A host with user and password, and no scheme.
_USER_INFO = re.compile(r"(//)?[^/@\s:]+:[^@]*@[\w.\[-]+.*", re.DOTALL)
_PIPELINE = re.compile(PIPELINE, re.DOTALL)
_STORES = frozenset({"s3", "s3a", "s3n", "gs", "gcs", "az", "abfs", "abfss", "wasb", "hdfs"})


def is_address(name: str) -> bool:
    """Whether a path is an address of a camera, stream or store; what exists on disk is not."""
    if os.path.lexists(name) or local_path(name) != name:
        return False
    forms = (_USER_INFO, _PIPELINE)
    return bool(_URL.match(name)) or any(form.fullmatch(name) for form in forms)


def refused_address(name: str) -> Unreadable | None:
    """The input for an address, named without secrets and with the next step; None for a path."""
    if not is_address(name):
        return None
    remember_address(name)
    found = _URL.match(name)
    if found and found[1].lower() in _STORES:
        reason = (
            "an address of a store, not a file: pass --engine ray, which reads it, or mount the "
            "store and give its path"
        )
    else:
        reason = (
            "an address of a camera, stream or server, not a file: inspect it with 'partsight "
            "watch --source', or store its images with 'partsight capture' and classify the folder"
        )
    return Unreadable(redact_text(redact_address(name.strip())), reason)
