"""Progress bars fit a terminal of 80 columns, on one line."""

from __future__ import annotations

import io
import re

import pytest

from partsight.cli.console import ProgressBar


class Terminal(io.StringIO):
    """A terminal in memory."""

    def isatty(self) -> bool:
        return True


def lines(terminal: Terminal) -> list[str]:
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    return [line for line in re.split(r"[\r\n]", plain) if line]


@pytest.mark.parametrize("columns", [80, 120, 60])
@pytest.mark.parametrize("label", ["classify", "a label of a stage that is longer than most"])
@pytest.mark.parametrize(
    "text", [None, "78.1 a second", "loss 0.123456789, validation 0.987654321"]
)
@pytest.mark.parametrize("total", [7, 1_000_000, None])
def test_a_bar_is_one_line_that_does_not_wrap(
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
    label: str,
    text: str | None,
    total: int | None,
) -> None:
    # In the test itself: pytest's capture sets sys.stderr after fixtures are made.
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    monkeypatch.setattr("partsight.cli.console._terminal_columns", lambda: columns)
    show = None if text is None else lambda _: text
    items = iter(range(7))
    assert list(ProgressBar(label)(items, total, show=show)) == list(range(7))
    assert max(map(len, lines(terminal))) < min(columns, 80)
    assert terminal.getvalue().count("\n") == 1


def test_both_losses_of_a_fit_fit_into_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    monkeypatch.setattr("partsight.cli.console._terminal_columns", lambda: 80)
    losses = "loss 0.123 val_loss 0.456"
    list(ProgressBar("head")(iter(range(3)), 500, show=lambda _: losses))
    assert losses in terminal.getvalue()


def test_no_items_show_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    assert list(ProgressBar("features")([], 0)) == []
    assert terminal.getvalue() == ""


def test_a_pipe_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    assert list(ProgressBar("features")([1], 1)) == [1]
    assert pipe.getvalue() == ""
