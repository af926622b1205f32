"""Findings as an HTML page with small images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from partsight_train.data.thumbnails import thumbnail
from partsight_train.data_check.findings import Finding, Severity
from partsight_train.report.templating import template

__all__ = ["findings_html"]

_SIDE = 240
# Groups shown per finding; the page states the number of the others.
_MAX_GROUPS = 40


def findings_html(
    findings: Sequence[Finding],
    folder: Path,
    counts: Mapping[str, Mapping[str, int]],
    *,
    parts: Mapping[str, int] | None = None,
    notes: Sequence[str] = (),
    bit_depth: int | None = None,
) -> str:
    """Return the page of a data check.

    Args:
        findings: findings in the order of display.
        folder: the checked folder; image names are relative to it.
        counts: label to split to number of images.
        parts: label to number of parts; None omits them.
        notes: how the folder was read, one sentence each.
        bit_depth: see ``PreprocessSpec``.

    Returns:
        An HTML document without scripts and external references.
    """

    def shown(path: Path) -> tuple[str, str | None]:
        name = path.relative_to(folder) if path.is_relative_to(folder) else path
        return str(name), thumbnail(path, _SIDE, bit_depth)

    page = template("findings.html.j2", "partsight_train.data_check").render(
        folder=folder,
        counts=counts,
        parts=parts,
        notes=notes,
        number={each.value: sum(f.severity is each for f in findings) for each in Severity},
        sections=[
            (finding, [[shown(path) for path in group] for group in finding.groups[:_MAX_GROUPS]])
            for finding in findings
        ],
    )
    return f"{page.strip()}\n"
