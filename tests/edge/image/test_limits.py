"""Limits on the scans of an image; files beyond the limits are in ``tests/corpus``."""

from __future__ import annotations

import pytest
from tests.corpus.wholes import encoded, photo

from partsight.image.limits import count_scans

BASELINE = encoded(photo(), "JPEG")
PROGRESSIVE = encoded(photo(), "JPEG", progressive=True)
SCAN = b"\xff\xda\0\x08\x01\x01\0\0\0\0"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(BASELINE, 1, id="baseline"),
        pytest.param(PROGRESSIVE, 10, id="progressive"),
        pytest.param(encoded(photo(), "JPEG", restart_marker_blocks=1), 1, id="with restarts"),
        pytest.param(
            encoded(photo(), "JPEG", exif=b"Exif\0\0" + BASELINE), 1, id="thumbnail in its header"
        ),
        pytest.param(BASELINE + 9 * SCAN, 1, id="after its end"),
        pytest.param(BASELINE[:-2] + b"\x12\xff\x00" + 9 * SCAN, 10, id="cut off within a scan"),
        pytest.param(BASELINE[:-2] + 3 * (SCAN + b"\xff\xff\xff"), 4, id="fill bytes"),
        pytest.param(BASELINE[:3], 0, id="hardly begun"),
        pytest.param(BASELINE[:-2] + b"\xff", 1, id="cut off within a marker"),
        pytest.param(b"\xff\xd8" + b"\xff\xe0\0\0" * 1000, 0, id="segments without a length"),
    ],
)
def test_scans_of_a_thumbnail_do_not_count(data: bytes, expected: int) -> None:
    assert count_scans(data, 1000) == expected
    assert count_scans(data, 5) == min(expected, 5)
