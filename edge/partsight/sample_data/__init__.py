"""The embedded sample set: rendered metal parts, healthy and defected.

Enters: a number of pictures and a seed. Leaves: pictures that look like a line's, for the
demonstration, the tests and the ready model. Everything is drawn here; nothing is
downloaded. ``render`` draws a blank (``families``), machines it (``part``), gives it a
surface (``finish``), damages it (``defects``, ``lines``) and photographs it (``scene``).
"""

from __future__ import annotations

from partsight.sample_data.defects import KINDS
from partsight.sample_data.render import LABELS, render_part
from partsight.sample_data.write import write_sample_data

__all__ = ["KINDS", "LABELS", "render_part", "write_sample_data"]
