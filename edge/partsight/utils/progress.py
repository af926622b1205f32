"""Progress reports of long work, independent of their display."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

__all__ = ["Progress", "silent"]

_Item = TypeVar("_Item")


class Progress(Protocol):
    """Wraps an iterable and yields the same items in the same order."""

    def __call__(
        self,
        items: Iterable[_Item],
        total: int | None,
        *,
        show: Callable[[_Item], str] | None = None,
    ) -> Iterable[_Item]:
        """Wrap ``items``.

        Args:
            items: to be processed.
            total: their number, or None if unknown.
            show: text displayed next to the progress for the current item.
        """


def silent(
    items: Iterable[_Item], total: int | None, *, show: Callable[[_Item], str] | None = None
) -> Iterable[_Item]:
    """The items without any display."""
    return items
