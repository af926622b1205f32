"""Inputs of a run: enough to repeat it, and to recognize whether another run has the same inputs.

The result is the document of ``config.json``, which is also stored in the delivered file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from partsight.errors import OutputError
from partsight.utils.redaction import redact_address, redact_argument
from partsight_train.backbones.backbone import Backbone
from partsight_train.data.dataset import Dataset, Split
from partsight_train.settings import TrainSettings

__all__ = ["command_line", "provenance", "public_settings", "require_same"]

_PACKAGES = (
    "partsight",
    "tensorflow",
    "tf-keras",
    "keras",
    "tensorflow-hub",
    "ai-edge-litert",
    "numpy",
    "scipy",
    "opencv-python",
    "pillow",
)
# Entries that must be equal to resume a run.
_SAME = ("settings", "dataset_sha256", "backbone_sha256", "versions")
_GIT_TIMEOUT_S = 10.0


def provenance(
    image_dir: Path,
    dataset: Dataset,
    digests: Mapping[Path, bytes],
    backbone: Backbone,
    settings: TrainSettings,
) -> dict[str, Any]:
    """Return everything that a run depends on, ready for JSON.

    Args:
        image_dir: folder of the images.
        dataset: the readable images.
        digests: path to SHA-256 of each image file.
        backbone: the backbone.
        settings: the settings of the run.
    """
    return {
        "created_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command_line": command_line(),
        "image_dir": str(image_dir),
        "dataset_sha256": _dataset_digest(dataset, digests),
        "pictures": {split.value: len(dataset.of(split)) for split in Split},
        "backbone_sha256": backbone.sha256,
        "settings": public_settings(dataclasses.asdict(settings)),
        "versions": {name: _version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "git": _git_state(),
    }


def require_same(begun: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to continue a run with other inputs.

    Raises:
        OutputError: the inputs differ; says which.
    """
    # Through JSON, like the stored document, so that tuples become lists.
    now = json.loads(json.dumps(now))
    changed = [name for name in _SAME if begun.get(name) != now[name]]
    if changed:
        raise OutputError(
            f"the run cannot continue: {', '.join(changed)} changed since the run began (see "
            "its config.json). Choose a new folder, or use the same settings, images and versions."
        )


def command_line() -> str:
    """Return the command line, quoted for a shell, without secrets, as it is stored in the file."""
    return shlex.join([Path(sys.argv[0]).name, *map(redact_argument, sys.argv[1:])])


def public_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings without secrets: a backbone's address may contain a password or token."""
    return {name: _public(name, value) for name, value in settings.items()}


def _public(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return public_settings(value)
    if name == "backbone" and isinstance(value, str):
        return redact_address(value)
    if name == "backbones" and isinstance(value, list | tuple):
        return [redact_address(each) for each in value]
    return value


def _dataset_digest(dataset: Dataset, digests: Mapping[Path, bytes]) -> str:
    """Return SHA-256 over labels, file names and contents, independent of the folder's path."""
    total = hashlib.sha256()
    for image in dataset.images:
        name = image.path.name.encode("utf-8", "surrogateescape")
        total.update(hashlib.sha256(name).digest() + digests[image.path])
        total.update(hashlib.sha256(dataset.labels[image.label].encode()).digest())
    return total.hexdigest()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_state() -> dict[str, Any] | None:
    """Return commit and cleanliness of the working folder, or None outside of git."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=True, timeout=_GIT_TIMEOUT_S
        ).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
