"""Work on many things at once, a bounded number ahead of their use, handed on in their order.

Used wherever pictures are worked through: OpenCV, Pillow and the runtimes release Python's lock.
"""

from __future__ import annotations

import collections
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["worked_ahead"]

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")

# So that no thread waits while the first of them is at work on a large one.
_AHEAD = 4


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

    def begun(count: int) -> Iterator[tuple[_Item, Future[_Done]]]:
        return ((item, pool.submit(work, item)) for item in itertools.islice(remaining, count))

    try:
        ahead = collections.deque(begun(_AHEAD * workers))
        while ahead:
            item, future = ahead.popleft()
            done = future.result()
            yield item, done
            ahead.extend(begun(1))
    finally:
        # Whoever stops early does not wait for what is not begun.
        pool.shutdown(cancel_futures=True)
