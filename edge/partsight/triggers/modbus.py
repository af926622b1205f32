"""A coil of a PLC as a trigger, polled many times a second.

Each change from off to on is a part. At the start and after a lost connection, a coil that is on
does not count until it was off, since the time of its change is unknown. With ``reset`` it counts
at once: the coil is then a request, which partsight clears.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from partsight.connections.modbus import Plc
from partsight.errors import SinkUnavailable
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.id_report import IdReport
from partsight.triggers.part_id import plain_id
from partsight.triggers.trigger_queue import TriggerQueue
from partsight.utils.backoff import Backoff

if TYPE_CHECKING:
    from partsight.config.trigger import ModbusTriggerConfig

__all__ = ["bytes_of", "modbus_listener", "text_of"]

logger = logging.getLogger(__name__)

# Short, since parts pass while the trigger is disconnected.
_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 10.0
# The whole line has 5 s to stop; the thread may be waiting for an answer.
_STOP_S = 2.0


@contextlib.contextmanager
def modbus_listener(
    config: ModbusTriggerConfig, trigger_queue: TriggerQueue, telemetry: Telemetry
) -> Iterator[None]:
    """Put a trigger event into the queue each time the coil goes on; reconnects by itself."""
    ended = threading.Event()
    plc = Plc(config.host, config.port, config.unit, config.timeout_s)
    poll = _poll(plc, config, trigger_queue, IdReport(telemetry, expected=True), time.monotonic)
    thread = threading.Thread(
        target=_run, args=(poll, config, telemetry, ended), name="trigger modbus", daemon=True
    )
    with plc:
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(_STOP_S)


def _run(
    poll: Callable[[bool | None], bool],
    config: ModbusTriggerConfig,
    telemetry: Telemetry,
    ended: threading.Event,
) -> None:
    before: bool | None = None
    backoff = Backoff(_FIRST_RETRY_S, _LONGEST_RETRY_S)
    while not ended.is_set():
        try:
            before = poll(before)
        except SinkUnavailable as error:
            before = None
            telemetry.state("trigger", "disconnected", str(error))
            ended.wait(backoff.next_s())
        except Exception as fault:
            # If the thread ended, the line would wait for triggers without end.
            before = None
            logger.debug("the trigger modbus", exc_info=True)
            telemetry.state("trigger", "faulty", f"{type(fault).__name__}: {fault}")
            ended.wait(backoff.next_s())
        else:
            backoff.reset()
            telemetry.state("trigger", "listening", f"coil {config.coil} of {config.host}")
            ended.wait(config.poll_s)


def _poll(
    plc: Plc,
    config: ModbusTriggerConfig,
    trigger_queue: TriggerQueue,
    ids: IdReport,
    clock: Callable[[], float],
) -> Callable[[bool | None], bool]:
    """Return a function that polls the coil once: from its last value, None if unknown, to the new.

    It puts a trigger event into the queue if the coil went on.
    """

    def poll(before: bool | None) -> bool:
        moment = clock()
        on = plc.read_coil(config.coil)
        if not on or not (config.reset or before is False):
            return on
        part_id = None
        if config.part_id_register is not None:
            words = plc.read_registers(config.part_id_register, config.part_id_words)
            part_id = ids.read_or_none(bytes_of(words), text_of)
        # Before the reset: if that fails, the part is inspected twice rather than never.
        trigger_queue.put(part_id, moment)
        if config.reset:
            plc.write_coils(config.coil, [False])
        return True

    return poll


def bytes_of(words: Sequence[int]) -> bytes:
    """Return the bytes of registers, high byte first."""
    return b"".join(word.to_bytes(2, "big") for word in words)


def text_of(data: bytes) -> str | None:
    """Return the ASCII text before the first zero byte; None if it is empty.

    Raises:
        ValueError: the text is not ASCII or not an id, see ``plain_id``.
    """
    try:
        return plain_id(data.partition(b"\0")[0].decode("ascii"))
    except UnicodeDecodeError as error:
        raise ValueError("expected a part id in ASCII") from error
