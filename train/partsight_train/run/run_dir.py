"""The folder of one training run. Its files appear complete or not at all."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partsight.errors import OutputError
from partsight.results.csv import csv_row, plain_text
from partsight.utils.files import write_atomic
from partsight.utils.lock import lock_file
from partsight.utils.native_output import suppressed_stderr
from partsight.utils.tables import column_name, table_rows
from partsight.utils.text_files import open_text, read_json
from partsight_train.data.dataset import Dataset, Split

__all__ = ["CONFIG", "DELIVERY", "FINE_TUNING", "REPORT", "RunDir"]

logger = logging.getLogger(__name__)

CONFIG = "config.json"
DELIVERY = "model-int8.tflite"
REPORT = "report.html"
# Folder in the checkpoints: the state from which a killed fine-tuning continues.
FINE_TUNING = "fine-tune"
# Every image with its label, split and SHA-256, for later exports. Images of one part have the
# same hash of the part in the last column.
_PICTURES = "pictures.csv"
# Name to SHA-256 of each delivered file.
_MANIFEST = "manifest.json"
_SAVED_MODEL = "saved_model"
_LOGS = "logs"
_CHECKPOINTS = "checkpoints"
_READ_COLUMNS = ("path", "label", "split", "sha256")
_COLUMNS = (*_READ_COLUMNS, "part")


@dataclass(frozen=True, slots=True)
class RunDir:
    """The folder of one run."""

    path: Path

    @classmethod
    @contextlib.contextmanager
    def create(cls, path: Path, *, resume: bool = False) -> Iterator[RunDir]:
        """Create the folder, and lock it against other runs for the block.

        The folder may be empty; with ``resume`` it may also be that of an unfinished run.

        Args:
            path: the folder.
            resume: whether to continue an unfinished run in it.

        Raises:
            OutputError: the folder has files that would be overwritten, another run is writing
                into it, or it cannot be created.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            _lock(descriptor, path)
            _require_usable(path, resume)
            yield cls(path)
        finally:
            os.close(descriptor)

    def begun(self) -> dict[str, Any] | None:
        """Return the configuration that an earlier start of this run stored, or None.

        Raises:
            OutputError: the stored configuration is not readable.
        """
        try:
            document: dict[str, Any] = read_json(self.path / CONFIG)
            return document
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise OutputError(
                f"cannot read {self.path / CONFIG}: {error}. Choose a new folder."
            ) from error

    def remove_checkpoints(self) -> None:
        """Remove the state for resuming. Requested checkpoints of the head stay."""
        shutil.rmtree(self.checkpoints / FINE_TUNING, ignore_errors=True)
        with contextlib.suppress(OSError):  # not there, or not empty
            self.checkpoints.rmdir()

    @property
    def saved_model(self) -> Path:
        """The float model."""
        return self.path / _SAVED_MODEL

    @property
    def logs(self) -> Path:
        """Folder for TensorBoard."""
        return self.path / _LOGS

    @property
    def checkpoints(self) -> Path:
        """State from which a killed run continues."""
        return self.path / _CHECKPOINTS

    def write_bytes(self, name: str, data: bytes) -> Path:
        """Write a file and return its path."""
        write_atomic(self.path / name, data)
        return self.path / name

    def write_text(self, name: str, text: str) -> Path:
        """Write a file in UTF-8 and return its path."""
        return self.write_bytes(name, text.encode("utf-8", "surrogateescape"))

    def write_json(self, name: str, document: Mapping[str, Any]) -> Path:
        """Write a JSON file and return its path."""
        return self.write_text(name, json.dumps(document, indent=2) + "\n")

    def write_saved_model(self, model: Any) -> Path:
        """Save a tf-keras model as a SavedModel folder and return its path."""
        destination, temporary = self.saved_model, self.path / ".saved_model.part"
        for folder in (destination, temporary):  # leftovers of a killed run
            shutil.rmtree(folder, ignore_errors=True)
        try:
            with suppressed_stderr():
                model.save(temporary, save_format="tf", include_optimizer=False)
            temporary.rename(destination)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return destination

    def deliver(self, name: str, data: bytes) -> Path:
        """Write a model file, then its SHA-256 to the manifest, and return its path."""
        path = self.write_bytes(name, data)
        try:
            manifest = read_json(self.path / _MANIFEST)
        except FileNotFoundError:
            manifest = {}
        digest = hashlib.sha256(data).hexdigest()
        self.write_json(_MANIFEST, dict(sorted({**manifest, name: digest}.items())))
        return path

    def write_images(self, dataset: Dataset, digests: Mapping[Path, bytes]) -> Path:
        """Write ``pictures.csv``: path, label, split, SHA-256 and hash of the part per image."""
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(_COLUMNS)
        for each in dataset.images:
            label = dataset.labels[each.label]
            digest = digests[each.path].hex()
            rows.writerow(
                csv_row(
                    [str(each.path.absolute()), label, each.split.value, digest, each.part_hash]
                )
            )
        return self.write_text(_PICTURES, text.getvalue())

    def read_images(self) -> list[tuple[Path, str, Split, bytes]]:
        """Return path, label, split and SHA-256 of each image, as ``write_images`` stored them.

        Raises:
            OutputError: the file is missing or damaged.
        """
        path = self.path / _PICTURES
        try:
            with open_text(path, "surrogateescape") as text:
                rows = table_rows(text, _READ_COLUMNS)
                names = [column_name(name) for name in next(rows, [])]
                if missing := set(_READ_COLUMNS) - set(names):
                    raise ValueError(f"it has no column {', '.join(sorted(missing))}")
                return [
                    (
                        Path(row["path"]),
                        plain_text(row["label"]),
                        Split(row["split"]),
                        bytes.fromhex(row["sha256"]),
                    )
                    for row in (dict(zip(names, fields, strict=True)) for fields in rows)
                ]
        except (OSError, ValueError) as error:
            raise OutputError(
                f"cannot read {path}: {error}. Expected a folder that 'partsight train' finished."
            ) from error


def _lock(descriptor: int, path: Path) -> None:
    """Lock the open folder, where its file system can: network file systems may lock files only.

    Raises:
        OutputError: another run has locked it.
    """
    try:
        if lock_file(descriptor, wait=False):
            return
    except OSError as error:
        logger.warning(
            "%s cannot be locked (%s): do not start a second run in this folder",
            path,
            error.strerror,
        )
        return
    raise OutputError(
        f"another run is writing into {path}. Wait until that run ends, or choose another folder."
    )


def _require_usable(path: Path, resume: bool) -> None:
    """Refuse a folder with files that would be overwritten.

    Raises:
        OutputError: it is neither empty nor that of a run to resume.
    """
    try:
        found = {child.name for child in path.iterdir()}
    except OSError as error:
        raise _unusable(path, error) from error
    others = sorted(found - {_LOGS})
    is_finished = DELIVERY in found
    is_begun = bool(found & {CONFIG, _CHECKPOINTS}) and not is_finished
    if not others or (resume and is_begun):
        return
    if resume and is_finished:
        raise OutputError(
            f"the run in {path} is finished: it has {DELIVERY}, so there is nothing to "
            "resume. Choose a new folder to train again."
        )
    hint = "Choose another folder."
    if is_begun:
        hint = "Continue the run in it with --resume, or choose another folder."
    raise OutputError(
        f"{path} must be new or empty, so that no earlier run is overwritten. "
        f"Received a folder with {', '.join(others[:5])}. {hint}"
    )


def _unusable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot use {path}: {error.strerror}. Choose another folder.")
