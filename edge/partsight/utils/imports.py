"""Why a package cannot be imported, and the step that fixes it: one place for all packages."""

from __future__ import annotations

import importlib.util

from partsight.errors import EnvironmentFault
from partsight.utils.memory_limit import memory_fault, memory_limit_note

__all__ = ["import_fault", "is_installed"]

_SHARED_OBJECT = "cannot open shared object file"
_OLD_SYSTEM = ("GLIBC", "GLIBCXX", "CXXABI")
_OTHER_MACHINE = ("wrong ELF class", "invalid ELF header", "Exec format")


def is_installed(package: str) -> bool:
    """Whether a top-level package can be found; nothing is imported.

    Import hooks that block a package raise instead of not finding it.
    """
    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:
        return False
    except ValueError:  # a module that was put into sys.modules by hand
        return True


def import_fault(
    purpose: str,
    package: str,
    install: str,
    error: ImportError | OSError,
    library_advice: str = "",
) -> EnvironmentFault:
    """The error to raise for a package that cannot be imported.

    Args:
        purpose: what needs the package, such as ``MQTT``: the subject of the sentence.
        package: its name on PyPI.
        install: the argument of ``pip install`` that brings it.
        error: what the import raised: an ``OSError`` where it loads a library itself.
        library_advice: the next step where a shared library of the system is missing.
    """
    reason = " ".join(str(error).split())
    if _is_missing(error):
        return EnvironmentFault(
            f"{purpose} needs the package {package}, which is not installed. "
            f"Run pip install '{install}'"
        )
    if (short := memory_fault(error)) is not None:
        reason, advice = short, memory_limit_note()
    else:
        advice = _advice(reason, package, install, library_advice)
    return EnvironmentFault(
        f"{purpose} needs the package {package}, which cannot be loaded: {reason}. {advice}"
    )


def _is_missing(error: ImportError | OSError) -> bool:
    """Whether a whole package is absent, and not a part of one that is there."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return False
    return not is_installed(error.name.partition(".")[0])


def _advice(reason: str, package: str, install: str, library_advice: str) -> str:
    if any(sign in reason for sign in _OLD_SYSTEM):
        return "This system is older than the package expects. Use a newer system."
    if any(sign in reason for sign in _OTHER_MACHINE):
        return (
            "It was installed for another kind of machine. "
            f"Run pip install --force-reinstall {package}"
        )
    if _SHARED_OBJECT in reason:
        return library_advice or "Install the system package that holds this library."
    if "numpy" in reason.lower():
        return f"It does not fit the installed NumPy. Run pip install --upgrade '{install}'"
    # Not of the extra: that would replace partsight and all that it depends on.
    again = install if install.startswith(package) else package
    return f"Run pip install --force-reinstall '{again}'"
