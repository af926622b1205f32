"""Frames that are kept to answer for verdicts: which, where, and for how long.

    plan (the loop) ──> keep (the loop) ──> queue ──> encode, annotate, write (a thread)
     │ names.is_kept                                  │
     └ DiskGuard.obstacle <───────────────────────────┴ retention: the oldest go first

The loop asks ``plan`` before it writes the journal's row, which names the file, and hands the
frame over by ``keep`` after. Neither waits for the disk.
"""

from __future__ import annotations

from partsight.image_store.save_plan import SavePlan
from partsight.image_store.store import ImageStore

__all__ = ["ImageStore", "SavePlan"]
