"""The folder of one training run: what is written there appears whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partsight.errors import OutputError
from partsight.utils.files import write_atomic
from partsight.utils.native_output import held_stderr
from partsight.utils.tables import column_name, table_rows
from partsight.utils.text_files import open_text, read_json
from partsight_train.data.dataset import Dataset, Split

__all__ = ["CONFIG", "DELIVERY", "FINE_TUNING", "REPORT", "RunDir"]

CONFIG = "config.json"
DELIVERY = "model-int8.tflite"
REPORT = "report.html"
# Below the checkpoints: what a killed fine-tuning goes on from.
FINE_TUNING = "fine-tune"
# Every picture with its label, split and SHA-256: what an export is measured on later. Pictures
# of one part have the same number in the last column.
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
    """A folder that belongs to one run."""

    path: Path

    @classmethod
    def create(cls, path: Path, *, resume: bool = False) -> RunDir:
        """Make the folder, or take an empty one, or one of a run that was not finished.

        Args:
            path: the folder.
            resume: go on with the run in it, if there is one.

        Raises:
            OutputError: it holds something that would be overwritten, or cannot be made.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            found = {child.name for child in path.iterdir()}
        except OSError as error:
            raise OutputError(
                f"cannot use {path}: {error.strerror}. Choose another folder."
            ) from error
        others = sorted(found - {_LOGS})
        is_finished = DELIVERY in found
        is_begun = bool(found & {CONFIG, _CHECKPOINTS}) and not is_finished
        if not others or (resume and is_begun):
            return cls(path)
        if resume and is_finished:
            raise OutputError(
                f"the run in {path} is finished: it holds {DELIVERY}, so there is nothing to "
                "resume. Choose a new folder to train again."
            )
        hint = "Choose another."
        if is_begun:
            hint = "Continue the run in it with --resume, or choose another."
        raise OutputError(
            f"{path} must be new or empty, so that no earlier run is overwritten. "
            f"Received a folder with {', '.join(others[:5])}. {hint}"
        )

    def begun(self) -> dict[str, Any] | None:
        """The configuration that an earlier start of this run left; None at the first.

        Raises:
            OutputError: it is not readable.
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

    def forget_checkpoints(self) -> None:
        """The run is delivered: nothing goes on from it. The head's, which were asked for, stay."""
        shutil.rmtree(self.checkpoints / FINE_TUNING, ignore_errors=True)
        with contextlib.suppress(OSError):  # there are none, or some that stay
            self.checkpoints.rmdir()

    @property
    def saved_model(self) -> Path:
        """The float model."""
        return self.path / _SAVED_MODEL

    @property
    def logs(self) -> Path:
        """Where TensorBoard reads."""
        return self.path / _LOGS

    @property
    def checkpoints(self) -> Path:
        """What a killed run goes on from."""
        return self.path / _CHECKPOINTS

    def write_bytes(self, name: str, data: bytes) -> Path:
        """Write a file and give its path."""
        write_atomic(self.path / name, data)
        return self.path / name

    def write_text(self, name: str, text: str) -> Path:
        """Write a file in UTF-8 and give its path."""
        return self.write_bytes(name, text.encode("utf-8", "surrogateescape"))

    def write_json(self, name: str, document: Mapping[str, Any]) -> Path:
        """Write a JSON file and give its path."""
        return self.write_text(name, json.dumps(document, indent=2) + "\n")

    def write_saved_model(self, model: Any) -> Path:
        """Save a tf-keras model as a SavedModel folder and give its path."""
        destination, aside = self.saved_model, self.path / ".saved_model.part"
        for remains in (destination, aside):  # of a run that was killed
            shutil.rmtree(remains, ignore_errors=True)
        try:
            with held_stderr():
                model.save(aside, save_format="tf", include_optimizer=False)
            aside.rename(destination)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return destination

    def deliver(self, name: str, data: bytes) -> Path:
        """Write a model file, then its SHA-256 into the manifest, and give its path."""
        path = self.write_bytes(name, data)
        try:
            manifest = read_json(self.path / _MANIFEST)
        except FileNotFoundError:
            manifest = {}
        digest = hashlib.sha256(data).hexdigest()
        self.write_json(_MANIFEST, dict(sorted({**manifest, name: digest}.items())))
        return path

    def write_pictures(self, dataset: Dataset, digests: Mapping[Path, bytes]) -> Path:
        """Write down what was learned from and measured on."""
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(_COLUMNS)
        for each in dataset.pictures:
            label = dataset.labels[each.label]
            digest = digests[each.path].hex()
            rows.writerow([each.path.absolute(), label, each.split.value, digest, each.place])
        return self.write_text(_PICTURES, text.getvalue())

    def read_images(self) -> list[tuple[Path, str, Split, bytes]]:
        """Path, label, split and SHA-256 of each picture, as ``write_pictures`` wrote them.

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
                        row["label"],
                        Split(row["split"]),
                        bytes.fromhex(row["sha256"]),
                    )
                    for row in (dict(zip(names, fields, strict=True)) for fields in rows)
                ]
        except (OSError, ValueError) as error:
            raise OutputError(
                f"cannot read {path}: {error}. Expected a folder that 'partsight train' finished."
            ) from error
