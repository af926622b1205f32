"""The numbers in docs/scaling.md are correct."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCUMENT = Path(__file__, "../../../docs/scaling.md").resolve().read_text()


def test_the_numbers_of_the_page_follow_from_its_formulas(capsys: pytest.CaptureFixture) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", DOCUMENT, re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out == shown
