"""Reads a camera or stream in a process of its own, started by ``capture_child``.

usage: python -m partsight.sources.capture_process DESCRIPTOR

Input: the descriptor of shared memory; on stdin one line of JSON with the source to open, then
one byte for each buffer that is returned. Output: frames in the shared memory, and one line of
JSON for each on stdout. The process ends with stdin, that is when the parent ends in any way.

It imports only the modules it needs, since it runs all the time on devices with little memory.
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
from partsight.sources.shared_frames import SharedFrameWriter
from partsight.utils.counts import counted
from partsight.utils.opencv import cv2

__all__ = ["main", "open_capture"]

Send = Callable[..., None]


def open_capture(address: str) -> Any:
    """Open a camera's number, a device or an address with the backend for its kind.

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
        opened: opens an address; returns an object like ``cv2.VideoCapture``.
    """
    # A service manager signals all processes; this one ends with its parent.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Output of drivers must not mix with the messages.
    channel = io.FileIO(os.dup(1), "w")
    os.dup2(2, 1)
    parent = io.FileIO(0)

    def send(**message: Any) -> None:
        channel.write(json.dumps(message).encode() + b"\n")

    job = json.loads(parent.readline() or b"null")
    if job is None:
        return
    returned: queue.SimpleQueue[int] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(parent, returned), daemon=True).start()
    cv2.setNumThreads(1)
    try:
        capture = opened(job["address"])
        _serve(capture, job, SharedFrameWriter(int(sys.argv[1])), returned, send)
    except BrokenPipeError:
        pass  # the parent has ended
    except (SourceError, OSError, ValueError, MemoryError, cv2.error) as error:
        send(error=f"{job['name']}: {' '.join(str(error).split()) or type(error).__name__}")


def _listen(parent: io.FileIO, returned: queue.SimpleQueue[int]) -> None:
    """Pass on returned buffers; end with the parent, also if a read of the camera blocks."""
    while buffers := parent.read(64):
        for buffer in buffers:
            returned.put(buffer)
    os._exit(0)


def _serve(
    capture: Any,
    job: Mapping[str, Any],
    writer: SharedFrameWriter,
    returned: queue.SimpleQueue[int],
    send: Send,
) -> None:
    if not capture.isOpened():
        raise SourceError(
            "cannot be opened. Check that the source is connected, readable by this user, not in "
            "use, and in a format that OpenCV reads"
        )
    if warning := getattr(capture, "warning", ""):
        send(warning=f"{job['name']}: {warning}")
    refused = apply_settings(capture, job["settings"])
    if refused:
        send(warning=f"{job['name']} did not accept {', '.join(refused)}. See 'v4l2-ctl -L'")
    frames, skipped = 0, 0
    while capture.grab():
        # A capture that reads ahead knows the time of arrival and the number of dropped frames.
        arrived_s = getattr(capture, "arrived_s", None) or time.monotonic()
        skipped += getattr(capture, "dropped", 0)
        while not returned.empty():
            writer.free.append(returned.get())
        written = _write(capture, writer)
        if written is None:
            skipped += 1
            continue
        send(frame=[*written, arrived_s, skipped])
        frames, skipped = frames + 1, 0
    raise SourceError(
        f"ended after {counted(frames, 'frame')}. Check the cable and the power of a camera, "
        "the network of a stream"
    )


def _write(capture: Any, writer: SharedFrameWriter) -> tuple[int, int, int, int] | None:
    """Write the grabbed frame into a shared buffer, which then belongs to the parent.

    Returns:
        Number of the buffer, size of each buffer, height and width; None if the frame was dropped.
    """
    if not writer.free:
        return None
    into = writer.view()
    # OpenCV converts directly into the buffer if the size has not changed.
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
    return writer.free.pop(), writer.buffer_bytes, height, width


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
    os._exit(0)  # a driver that hangs in its clean-up must not keep the process alive
