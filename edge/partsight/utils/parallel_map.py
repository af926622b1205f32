"""Work on many things at once, a bounded number ahead of their use, handed on in their order.

Used wherever pictures are worked through: OpenCV, Pillow and the runtimes release Python's lock.
"""

from __future__ import annotations

import collections
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias, TypeVar

from partsight.utils.opencv import one_thread

__all__ = ["worked_ahead"]

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")
# What was done of those that were handed over together, and what ended it early.
_Group: TypeAlias = "tuple[list[tuple[_Item, _Done]], Exception | None]"

# Things are handed over by threes: it takes two changes of threads, which of a small picture is
# noticed. Two such groups a thread, so that none waits while another is at work on a large one.
_TOGETHER = 3
_AHEAD = 2


def worked_ahead(
    work: Callable[[_Item], _Done], items: Iterable[_Item], workers: int | None = None
) -> Iterator[tuple[_Item, _Done]]:
    """Do ``work`` on each item in threads.

    Args:
        work: called by several threads at once.
        items: drawn by the caller's own thread, never more than a few a thread ahead.
        workers: threads; None is one a core.

    Yields:
        Each item with what came of it, in the order of ``items``. What ``work`` raises is raised.
    """
    workers = workers or os.cpu_count() or 1
    remaining = iter(items)
    pool = ThreadPoolExecutor(workers, "partsight")
    ahead: collections.deque[Future[_Group[_Item, _Done]]] = collections.deque()

    def begin() -> None:
        if group := list(itertools.islice(remaining, _TOGETHER)):
            ahead.append(pool.submit(_worked_together, work, group))

    with one_thread():
        try:
            for _ in range(_AHEAD * workers):
                begin()
            while ahead:
                done, failure = ahead.popleft().result()
                yield from done
                if failure is not None:
                    raise failure
                begin()
        finally:
            # Whoever stops early does not wait for what is not begun.
            pool.shutdown(cancel_futures=True)


def _worked_together(work: Callable[[_Item], _Done], group: list[_Item]) -> _Group[_Item, _Done]:
    done: list[tuple[_Item, _Done]] = []
    try:
        for item in group:
            done.append((item, work(item)))
    except Exception as failure:  # noqa: BLE001 - raised where its item would have been
        return done, failure
    return done, None
