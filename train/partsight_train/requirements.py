"""Checks that the packages of the extras ``train`` and ``tune`` are installed."""

from __future__ import annotations

from partsight.errors import EnvironmentFault
from partsight.utils.imports import is_installed

__all__ = ["require_train_extra", "require_tune_extra"]

_PACKAGES = (
    "tensorflow",
    "tf_keras",
    "tensorflow_hub",
    "imagehash",
    "jinja2",
    "matplotlib",
    "platformdirs",
    "scipy",
)


def require_train_extra() -> None:
    """Check the packages of every training command, without importing them.

    Raises:
        EnvironmentFault: a package is missing.
    """
    _require(_PACKAGES, "training", "train")


def require_tune_extra() -> None:
    """Check the packages of ``partsight tune``, without importing them.

    Raises:
        EnvironmentFault: a package is missing.
    """
    _require((*_PACKAGES, "optuna"), "the search", "train,tune")


def _require(packages: tuple[str, ...], purpose: str, extras: str) -> None:
    missing = [name for name in packages if not is_installed(name)]
    if missing:
        raise EnvironmentFault(
            f"{purpose} needs packages that are not installed: {', '.join(missing)}. "
            f"Install them: pip install 'partsight[{extras}]'"
        )
