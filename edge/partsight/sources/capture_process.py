"""Reads a camera or stream, in a process that may hang or die with it: ``capture_child`` starts it.

usage: python -m partsight.sources.capture_process DESCRIPTOR

Enters: the descriptor of shared memory; on stdin a line of JSON that says what to open, then
one byte for each slot that comes back. Leaves: frames in the memory, and on stdout a line of
JSON for each. It ends when stdin does, which is when the parent has ended, however that did.

It imports no more than it needs: it is there all the time, on a device with little memory.
"""

from __future__ import annotations

import io
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.config.source_address import url_scheme
from partsight.errors import SourceError
from partsight.sources.camera import apply_settings
from partsight.sources.shared_frames import SlotWriter
from partsight.utils.opencv import cv2

__all__ = ["main", "open_capture"]

Tell = Callable[..., None]


def open_capture(address: str) -> Any:
    """Open a camera's number, a device or an address by what is for it.

    FFmpeg decodes on one thread: each further one holds back a frame, so that the frame that comes
    after a trigger would have been taken before it.
    """
    scheme = url_scheme(address)
    if scheme in ("http", "https"):
        from partsight.sources.http_stream import open_http

        stream = open_http(address)
        if stream is not None:
            return stream
    if scheme is not None:
        options = [cv2.CAP_PROP_N_THREADS, 1]
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG, options)
    backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
    return cv2.VideoCapture(int(address) if address.isdecimal() else address, backend)


def main(opened: Callable[[str], Any] = open_capture) -> None:
    """Serve frames until the source or the parent ends.

    Args:
        opened: gives an object like ``cv2.VideoCapture`` for an address and a number of threads.
    """
    # A service manager tells all processes to end; here the parent says when it is over.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Whatever a driver prints must not come between the messages.
    channel = io.FileIO(os.dup(1), "w")
    os.dup2(2, 1)
    orders = io.FileIO(0)

    def tell(**message: Any) -> None:
        channel.write(json.dumps(message).encode() + b"\n")

    job = json.loads(orders.readline() or b"null")
    if job is None:
        return
    returned: queue.SimpleQueue[int] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders, returned), daemon=True).start()
    cv2.setNumThreads(1)
    try:
        capture = opened(job["address"])
        _serve(capture, job, SlotWriter(int(sys.argv[1])), returned, tell)
    except BrokenPipeError:
        pass  # the parent has ended
    except (SourceError, OSError, ValueError, MemoryError, cv2.error) as error:
        tell(error=f"{job['name']}: {' '.join(str(error).split()) or type(error).__name__}")


def _listen(orders: io.FileIO, returned: queue.SimpleQueue[int]) -> None:
    """Hand on slots that come back; end with the parent, also where a read never returns."""
    while slots := orders.read(64):
        for slot in slots:
            returned.put(slot)
    os._exit(0)


def _serve(
    capture: Any,
    job: Mapping[str, Any],
    writer: SlotWriter,
    returned: queue.SimpleQueue[int],
    tell: Tell,
) -> None:
    if not capture.isOpened():
        raise SourceError(
            "it cannot be opened. Check that it is connected, readable by this user, not in use, "
            "and in a format that OpenCV reads"
        )
    if doubt := getattr(capture, "doubt", ""):
        tell(warning=f"{job['name']}: {doubt}")
    refused = apply_settings(capture, job["settings"])
    if refused:
        tell(warning=f"{job['name']} did not take {', '.join(refused)}. See 'v4l2-ctl -L'")
    frames, skipped = 0, 0
    while capture.grab():
        # A stream that is read ahead knows better when a frame came, and how many before it.
        arrived_s = getattr(capture, "arrived_s", None) or time.monotonic()
        skipped += getattr(capture, "passed", 0)
        while not returned.empty():
            writer.free.append(returned.get())
        written = _write(capture, writer)
        if written is None:
            skipped += 1
            continue
        tell(frame=[*written, arrived_s, skipped])
        frames, skipped = frames + 1, 0
    raise SourceError(
        f"it gave no frame after the first {frames}. Check the cable and the power of a camera, "
        "the network of a stream"
    )


def _write(capture: Any, writer: SlotWriter) -> tuple[int, int, int, int] | None:
    """Put the frame that was grabbed into a slot, which is then the parent's.

    Returns:
        The slot, the size of each, height and width; None where the frame had to be passed over.
    """
    if not writer.free:
        return None
    into = writer.view()
    # OpenCV converts right into the slot where the size is that of the frame before.
    received, image = capture.retrieve() if into is None else capture.retrieve(into)
    if not received or image is None:
        return None
    if into is None or not np.may_share_memory(image, into):
        image = _as_bgr(image)
        if not writer.make_room(image.shape):
            return None
        into = writer.view()
        assert into is not None
        into[:] = image
    height, width = into.shape[:2]
    return writer.free.pop(), writer.slot_bytes, height, width


def _as_bgr(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return image
    if image.dtype == np.uint8 and image.ndim == 2:
        return np.repeat(image[:, :, np.newaxis], 3, axis=2)
    raise SourceError(
        f"expected frames of uint8 (H, W, 3) or (H, W), received {image.dtype} {image.shape}. "
        "Choose another pixel_format"
    )


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # a driver that hangs in its own clean-up must not keep the process
