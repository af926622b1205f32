"""Matplotlib drawings as SVG that stands inside a page.

Enters: a function that draws. Leaves: markup, the same for the same drawing. Text stays
text, in the page's own font: it can be read at any size, searched and copied.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import matplotlib
import matplotlib.style
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["BAD", "GOOD", "GREY", "draw"]

# Okabe and Ito's blue and vermilion, which people who confuse colours tell apart
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
    """Draw one picture.

    Args:
        name: a word of its own for each drawing of a page; references inside are made of it.
        description: what a person who cannot see it is told.
        plot: gets the axes, one a panel, from top to bottom.
        panels: how many, with a common x axis.
        height: of the whole, 1 for as high as usual.
    """
    # From Matplotlib's own defaults, not a user's, and no state of pyplot.
    with matplotlib.style.context(["default", {**_STYLE, "svg.hashsalt": name}]):
        size = (_WIDTH_IN, _PANEL_HEIGHT_IN * height)
        figure = Figure(figsize=size, layout="constrained", facecolor="none")
        axes = figure.subplots(panels, sharex=True, squeeze=False)[:, 0]
        for panel in axes:
            _calm(panel)
        plot(*axes)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    return _inline(buffer.getvalue(), description)


def _calm(axes: Axes) -> None:
    axes.tick_params(length=3)
    axes.set_facecolor("none")


def _inline(document: str, description: str) -> Markup:
    """The drawing alone, as wide as its place, without names that other drawings have too."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    # It would hold for the whole page, whose own style says the same.
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", svg, flags=re.DOTALL)
    opening, rest = svg.split(">", 1)
    opening = re.sub(r'\s(width|height|version)="[^"]*"', "", opening)
    return Markup(f'{opening} role="img" aria-label="{escape(description)}">{rest.strip()}')
