"""A real pymodbus server on loopback, as a PLC, which a test stops and starts."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from tests.servers.process import DEADLINE_S, free_port

__all__ = ["PlcServer", "run_plc"]

_SIZE = 64


class PlcServer:
    """64 coils and 64 holding registers, lost when it stops.

    ``writes`` says what came, ``reads`` how often it was asked.

    ``echo`` copies the sequence from one register address to another, as a PLC's program does.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.writes: list[tuple[int, int, list[int]]] = []
        self.reads = 0
        self.echo: tuple[int, int] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server: ModbusTcpServer | None = None

    def start(self) -> None:
        """Power up, all zero."""
        self._run(self._start())

    def stop(self) -> None:
        """Power down: connections end, what it held is lost."""
        if self._server is not None:
            self._run(self._server.shutdown())
            self._server = None

    def coils(self, address: int, count: int) -> list[bool]:
        return [bool(bit) for bit in self._get(1, address, count)]

    def registers(self, address: int, count: int) -> list[int]:
        return [int(word) for word in self._get(3, address, count)]

    def set_coil(self, address: int, value: bool) -> None:
        self._run(self._server.async_setValues(1, 5, address, [value]))

    def set_registers(self, address: int, words: list[int]) -> None:
        self._run(self._server.async_setValues(1, 16, address, words))

    def end(self) -> None:
        """Stop for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    async def _start(self) -> None:
        bits = SimData(0, count=_SIZE, values=False, datatype=DataType.BITS)
        words = SimData(0, count=_SIZE, values=0, datatype=DataType.REGISTERS)
        device = SimDevice(1, simdata=([bits], [bits], [words], [words]), action=self._note)
        self._server = ModbusTcpServer(device, address=("127.0.0.1", self.port))
        await self._server.serve_forever(background=True)

    async def _note(
        self, code: int, start: int, address: int, count: int, current: list, values: Any
    ) -> None:
        if values is not None:
            self.writes.append((code, address, [int(value) for value in values]))
            return
        self.reads += 1
        if self.echo is not None and address == self.echo[1]:
            source, target = self.echo
            current[target - start : target - start + 2] = current[
                source - start : source - start + 2
            ]

    def _get(self, code: int, address: int, count: int) -> list:
        return self._run(self._server.async_getValues(1, code, address, count))

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)


@contextlib.contextmanager
def run_plc() -> Iterator[PlcServer]:
    """A started PLC, which ends with the block."""
    plc = PlcServer()
    try:
        plc.start()
        yield plc
    finally:
        plc.end()
