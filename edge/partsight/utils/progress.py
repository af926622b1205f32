"""How long work tells how far it is, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

__all__ = ["Progress", "silent"]

_Item = TypeVar("_Item")


class Progress(Protocol):
    """Wraps what is worked through; gives the same items in the same order."""

    def __call__(
        self,
        items: Iterable[_Item],
        total: int | None,
        *,
        show: Callable[[_Item], str] | None = None,
    ) -> Iterable[_Item]:
        """Take the items, their number, where it is known, and what to say beside each."""


def silent(
    items: Iterable[_Item], total: int | None, *, show: Callable[[_Item], str] | None = None
) -> Iterable[_Item]:
    """Tell nobody."""
    return items
