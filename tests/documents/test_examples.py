"""docs/troubleshooting.md shows the messages that partsight prints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.documents.examples import PAGE, examples, prepared_folder, run


@pytest.fixture(scope="module", autouse=True)
def _folder() -> Iterator[None]:
    with prepared_folder():
        yield


@pytest.mark.parametrize(("arguments", "shown"), examples(PAGE.read_text("utf-8")))
def test_messages_are_as_shown(arguments: str, shown: str) -> None:
    """If they differ: ``python -m tests.documents.examples``."""
    assert shown.split() == run(arguments).split()
