"""Ordered parallel map with a bounded number of items in progress.

Used wherever many images are processed: OpenCV, Pillow and the runtimes release the GIL.
"""

from __future__ import annotations

import collections
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias, TypeVar

from partsight.utils.opencv import one_thread

__all__ = ["parallel_map"]

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")
# The results of one group of items, and the exception that ended it early.
_Group: TypeAlias = "tuple[list[tuple[_Item, _Done]], Exception | None]"

# Three items per task: each task costs two thread switches, which is noticeable for small images.
# Two tasks per thread, so that no thread waits while another one processes a large image.
_GROUP_SIZE = 3
_GROUPS_PER_WORKER = 2


def parallel_map(
    work: Callable[[_Item], _Done], items: Iterable[_Item], workers: int | None = None
) -> Iterator[tuple[_Item, _Done]]:
    """Apply ``work`` to each item in threads.

    Args:
        work: called by several threads at once.
        items: consumed by the calling thread, at most a few per worker in advance.
        workers: number of threads; None means one per core.

    Yields:
        Each item with its result, in the order of ``items``.

    Raises:
        Exception: raised by ``work``, at the position of its item.
    """
    workers = workers or os.cpu_count() or 1
    remaining = iter(items)
    pool = ThreadPoolExecutor(workers, "partsight")
    ahead: collections.deque[Future[_Group[_Item, _Done]]] = collections.deque()

    def begin() -> None:
        if group := list(itertools.islice(remaining, _GROUP_SIZE)):
            ahead.append(pool.submit(_process_group, work, group))

    with one_thread():
        try:
            for _ in range(_GROUPS_PER_WORKER * workers):
                begin()
            while ahead:
                done, failure = ahead.popleft().result()
                yield from done
                if failure is not None:
                    raise failure
                begin()
        finally:
            # A caller that stops early does not wait for groups that have not started.
            pool.shutdown(cancel_futures=True)


def _process_group(work: Callable[[_Item], _Done], group: list[_Item]) -> _Group[_Item, _Done]:
    done: list[tuple[_Item, _Done]] = []
    try:
        for item in group:
            done.append((item, work(item)))
    except Exception as failure:  # noqa: BLE001 - raised at the position of its item
        return done, failure
    return done, None
