"""Sphinx configuration of the documentation: MyST Markdown, furo theme."""

project = "partsight"
html_title = "partsight"
extensions = ["myst_parser"]
html_theme = "furo"
exclude_patterns = ["_build", "images/README.md"]
# Anchors for headings, so that links such as line.md#models are checked.
myst_heading_anchors = 3
