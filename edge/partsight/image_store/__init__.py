"""Saves frames as evidence for verdicts: which ones, where, and for how long.

    plan (the loop) ──> keep (the loop) ──> queue ──> encode, annotate, write (a thread)
     │ save_plan.is_kept                              │
     └ DiskGuard.obstacle <───────────────────────────┴ retention: the oldest are deleted first

The loop calls ``plan`` before it writes the journal's row, which names the file, and ``keep``
after it, to pass on the frame. Neither waits for the disk.
"""

from __future__ import annotations

from partsight.image_store.save_plan import SavePlan
from partsight.image_store.store import ImageStore

__all__ = ["ImageStore", "SavePlan"]
