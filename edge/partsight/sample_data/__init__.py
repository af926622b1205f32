"""The embedded sample set: rendered images of metal parts, healthy and defected.

Used for the demo, the tests and the shipped model; nothing is downloaded. ``render`` draws a blank
(``families``), machines it (``part``), adds a surface (``finish``) and a defect (``defects``,
``lines``), and photographs it (``scene``).
"""

from __future__ import annotations

from partsight.sample_data.defects import KINDS
from partsight.sample_data.render import LABELS, render_part
from partsight.sample_data.write import write_sample_data

__all__ = ["KINDS", "LABELS", "render_part", "write_sample_data"]
