"""Whether the packages of the extra ``train`` are installed."""

from __future__ import annotations

import importlib.util

from partsight.errors import EnvironmentFault

__all__ = ["require_train_extra"]

_PACKAGES = ("tensorflow", "tf_keras", "tensorflow_hub", "platformdirs", "matplotlib", "jinja2")


def require_train_extra() -> None:
    """Called first by every training command; nothing is imported.

    Raises:
        EnvironmentFault: a package is missing.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise EnvironmentFault(
            f"training needs packages that are not installed: {', '.join(missing)}. "
            "Install them: pip install 'partsight[train]'"
        )
