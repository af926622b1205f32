"""Findings as a page: each with small pictures of what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from partsight_train.data.thumbnails import thumbnail
from partsight_train.data_check.findings import Finding, Severity
from partsight_train.report.templating import template

__all__ = ["findings_html"]

_SIDE = 240
# More are not looked at; their number is said.
_MOST_GROUPS = 40


def findings_html(
    findings: Sequence[Finding],
    folder: Path,
    counts: Mapping[str, Mapping[str, int]],
    *,
    parts: Mapping[str, int] | None = None,
    notes: Sequence[str] = (),
    bit_depth: int | None = None,
) -> str:
    """Lay out what a check found.

    Args:
        findings: in the order that they are shown in.
        folder: that was checked; pictures are named from there.
        counts: label to split to number of pictures.
        parts: label to number of parts; None leaves them out.
        notes: how the folder was read, a sentence each.
        bit_depth: see ``PreprocessSpec``.

    Returns:
        An HTML document without scripts and outside references.
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
            (finding, [[shown(path) for path in group] for group in finding.groups[:_MOST_GROUPS]])
            for finding in findings
        ],
    )
    return f"{page.strip()}\n"
