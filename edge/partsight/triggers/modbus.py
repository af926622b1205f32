"""A coil of a PLC as a trigger, looked at many times a second.

Each change from off to on is a part. After a connection was lost, or at the start, a coil that
is on says nothing of when it went on, and so is no part until it was off; with ``reset``, where
the coil is a request that we put off, it is one at once.
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

# After a failure half a second, then longer each time: parts wait for it, so not for long.
_FIRST_RETRY_S = 0.5
_LAST_RETRY_S = 10.0
# A line that is told to end has 5 s for everything; the thread may wait for an answer.
_LEAVE_S = 2.0


@contextlib.contextmanager
def modbus_listener(
    config: ModbusTriggerConfig, trigger_queue: TriggerQueue, telemetry: Telemetry
) -> Iterator[None]:
    """Put an occasion into the inbox each time that the coil goes on; reconnects by itself."""
    ended = threading.Event()
    plc = Plc(config.host, config.port, config.unit, config.timeout_s)
    look = _look(plc, config, trigger_queue, IdReport(telemetry, expected=True), time.monotonic)
    watching = threading.Thread(
        target=_watch, args=(look, config, telemetry, ended), name="trigger modbus", daemon=True
    )
    with plc:
        watching.start()
        try:
            yield
        finally:
            ended.set()
            watching.join(_LEAVE_S)


def _watch(
    look: Callable[[bool | None], bool],
    config: ModbusTriggerConfig,
    telemetry: Telemetry,
    ended: threading.Event,
) -> None:
    before: bool | None = None
    backoff = Backoff(_FIRST_RETRY_S, _LAST_RETRY_S)
    while not ended.is_set():
        try:
            before = look(before)
        except SinkUnavailable as error:
            before = None
            telemetry.state("trigger", "disconnected", str(error))
            ended.wait(backoff.next_s())
        except Exception as fault:
            # A thread that ends would leave a line that waits for triggers for ever.
            before = None
            logger.debug("the trigger modbus", exc_info=True)
            telemetry.state("trigger", "faulty", f"{type(fault).__name__}: {fault}")
            ended.wait(backoff.next_s())
        else:
            backoff.reset()
            telemetry.state("trigger", "listening", f"coil {config.coil} of {config.host}")
            ended.wait(config.poll_s)


def _look(
    plc: Plc,
    config: ModbusTriggerConfig,
    trigger_queue: TriggerQueue,
    ids: IdReport,
    clock: Callable[[], float],
) -> Callable[[bool | None], bool]:
    """Return a look at the coil: from what it was, None if unknown, to what it is."""

    def look(before: bool | None) -> bool:
        moment = clock()
        on = plc.read_coil(config.coil)
        if not on or not (config.reset or before is False):
            return on
        part_id = None
        if config.part_id_register is not None:
            words = plc.read_registers(config.part_id_register, config.part_id_words)
            part_id = ids.read_or_none(bytes_of(words), text_of)
        # Before it is put off: where that fails, a part is rather judged twice than never.
        trigger_queue.put(part_id, moment)
        if config.reset:
            plc.write_coils(config.coil, [False])
        return True

    return look


def bytes_of(words: Sequence[int]) -> bytes:
    """Return the bytes of registers, the high one of each first."""
    return b"".join(word.to_bytes(2, "big") for word in words)


def text_of(data: bytes) -> str | None:
    """Return the ASCII text before the first zero; None where there is none.

    Raises:
        ValueError: it is not ASCII, or is no id, see ``plain_id``.
    """
    try:
        return plain_id(data.partition(b"\0")[0].decode("ascii"))
    except UnicodeDecodeError as error:
        raise ValueError("expected a part id in ASCII") from error
