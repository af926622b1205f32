"""The limits in docs/robustness.md are those of the module."""

from __future__ import annotations

from pathlib import Path

import pytest

from partsight.utils import limits

PAGE = Path(__file__).parents[2] / "docs" / "robustness.md"
SIZES = {
    "image file, or image in an archive": limits.MAX_IMAGE_BYTES,
    "model file": limits.MAX_MODEL_BYTES,
    "label file, configuration and other texts": limits.MAX_LIST_BYTES,
    "body of an HTTP trigger": limits.MAX_MESSAGE_BYTES,
    "header of a tar, for a long name and other attributes": limits.MAX_TAR_HEADER_BYTES,
    "name in a tar": limits.MAX_NAME_BYTES,
    "archive of a backbone, unpacked": limits.MAX_UNPACKED_BYTES,
}
MILLIONS = f"{limits.MAX_PIXELS // 10**6} million"
COUNTS = {
    "pixels of an image: file, archive, stream or snapshot": MILLIONS,
    "files and folders in the archive of a backbone": str(limits.MAX_ARCHIVE_MEMBERS),
}


@pytest.mark.parametrize(
    ("name", "limit"),
    [*((name, limits.shown_bytes(size)) for name, size in SIZES.items()), *COUNTS.items()],
)
def test_a_limit_is_documented(name: str, limit: str) -> None:
    assert f"| {name} | {limit} |" in PAGE.read_text("utf-8").splitlines()


def test_every_limit_is_documented() -> None:
    constants = [name for name in limits.__all__ if name.startswith("MAX_")]
    assert len(constants) == len(SIZES) + len(COUNTS)
