"""Matplotlib drawings as inline SVG, the same markup for the same drawing.

Text stays text in the font of the page: it can be read at any size, searched and copied.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import matplotlib
import matplotlib.style
from markupsafe import Markup, escape
from matplotlib.figure import Figure

__all__ = ["BAD", "GOOD", "GREY", "draw"]

# Blue and vermilion, which people with colour vision deficiency can distinguish
# (M. Okabe and K. Ito, "Color Universal Design", 2008).
GOOD, BAD, GREY = "#0072B2", "#D55E00", "#767676"
_STYLE = {
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.6,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
_WIDTH_IN = 4.6
_PANEL_HEIGHT_IN = 3.3


def draw(
    name: str, description: str, plot: Callable[..., None], panels: int = 1, height: float = 1.0
) -> Markup:
    """Draw one chart as SVG.

    Args:
        name: identifier, unique on the page; prefix of references inside the drawing.
        description: alternative text for screen readers.
        plot: draws on the given axes, one per panel, from top to bottom.
        panels: number of panels, which share the x axis.
        height: height of the drawing relative to the usual height.
    """
    # Independent of a user's Matplotlib settings and of the state of pyplot.
    with matplotlib.style.context(["default", {**_STYLE, "svg.hashsalt": name}]):
        size = (_WIDTH_IN, _PANEL_HEIGHT_IN * height)
        figure = Figure(figsize=size, layout="constrained", facecolor="none")
        axes = figure.subplots(panels, sharex=True, squeeze=False)[:, 0]
        for panel in axes:
            panel.tick_params(length=3)
            panel.set_facecolor("none")
        plot(*axes)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    return _inline(buffer.getvalue(), description)


def _inline(document: str, description: str) -> Markup:
    """The SVG element, as wide as its container, without identifiers used by other drawings."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    # This style would apply to the whole page, which has the same style already.
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", svg, flags=re.DOTALL)
    opening, rest = svg.split(">", 1)
    opening = re.sub(r'\s(width|height|version)="[^"]*"', "", opening)
    return Markup(f'{opening} role="img" aria-label="{escape(description)}">{rest.strip()}')
