"""Writes the sample set as JPEG files, with one folder per label."""

from __future__ import annotations

from pathlib import Path

from partsight.errors import OutputError
from partsight.sample_data.render import LABELS, kind_of, render_part
from partsight.utils.files import write_atomic
from partsight.utils.opencv import cv2
from partsight.utils.progress import Progress, silent

__all__ = ["write_sample_data"]

_JPEG_QUALITY = 92


def write_sample_data(
    destination: Path,
    per_label: int = 150,
    seed: int = 0,
    progress: Progress = silent,
) -> list[Path]:
    """Write ``healthy/good_0000.jpg``, ``defected/scratch_0004.jpg`` and so on.

    Args:
        destination: an empty or a new folder.
        per_label: images per label; a larger set contains the images of a smaller one.
        seed: number of the set, 0 or more.
        progress: display of the progress.

    Returns:
        The paths, label by label.

    Raises:
        ValueError: fewer than one image per label, or a negative seed.
        OutputError: the folder is not empty or cannot be written.
    """
    if per_label < 1:
        raise ValueError(f"per_label must be 1 or more. Received: {per_label}")
    _check_empty(destination)
    paths: list[Path] = []
    jobs = [(label, index) for label in LABELS for index in range(per_label)]
    for label, index in progress(jobs, len(jobs)):
        path = destination / label / f"{kind_of(label, index)}_{index:04d}.jpg"
        write_atomic(path, _encode(label, index, seed))
        paths.append(path)
    return paths


def _encode(label: str, index: int, seed: int) -> bytes:
    image = render_part(label, index, seed)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes()


def _check_empty(destination: Path) -> None:
    """Refuse a folder that is not empty, because mixed sets would be used for training."""
    try:
        entries = sorted(path.name for path in destination.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(
            f"cannot write the sample set to {destination}: expected an empty or a new folder. "
            f"Received: {error.strerror or error}. Choose another folder."
        ) from error
    if entries:
        raise OutputError(
            f"cannot write the sample set to {destination}: expected an empty or a new folder. "
            f"Received: {len(entries)} entries, among them {entries[0]!r}. "
            "Choose another folder or empty this one."
        )
