"""Modbus TCP client for a PLC, with pymodbus, which is imported only here.

Addresses count from 0, as on the wire; many PLC manuals call coil 0 ``00001`` and holding
register 0 ``40001``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from partsight.errors import SinkUnavailable
from partsight.utils.imports import import_fault

try:
    from pymodbus.client import ModbusTcpClient
    from pymodbus.exceptions import ModbusException
except ImportError as error:
    raise import_fault("Modbus", "pymodbus", "partsight[modbus]", error) from error

__all__ = ["Plc", "to_words"]

# Its errors are raised as partsight's own.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

_Values = TypeVar("_Values")

# After an answer that a person must fix, such as an address that the PLC does not have.
_REFUSED_RETRY_S = 30.0


class _Refused(SinkUnavailable):
    """The PLC answered with an exception."""


class Plc(AbstractContextManager["Plc"]):
    """A connection, opened when it is first needed and again after each failure, so that a late
    answer is not taken for the answer to the next request.

    Args:
        host: name or address of the PLC.
        port: TCP port.
        unit: unit identifier.
        timeout_s: seconds to wait for a connection, and for each answer.
    """

    def __init__(self, host: str, port: int, unit: int, timeout_s: float) -> None:
        self._place, self._unit = f"{host}:{port}", unit
        # Any: some methods have no type hints.
        self._client: Any = ModbusTcpClient(host, port=port, timeout=timeout_s, retries=0)

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def write_coils(self, address: int, values: Sequence[bool]) -> None:
        """Set coils in one request (function 15).

        Raises:
            SinkUnavailable: the PLC did not confirm.
        """
        self._ask(self._client.write_coils, address, list(values))

    def write_registers(self, address: int, words: Sequence[int]) -> None:
        """Set holding registers in one request (function 16).

        Raises:
            SinkUnavailable: the PLC did not confirm.
        """
        self._ask(self._client.write_registers, address, list(words))

    def read_coil(self, address: int) -> bool:
        """Return whether a coil is set (function 1).

        Raises:
            SinkUnavailable: no answer.
        """
        return self._coils(address, 1)[0]

    def read_registers(self, address: int, count: int) -> list[int]:
        """Return holding registers (function 3), each in [0, 65535].

        Raises:
            SinkUnavailable: no answer.
        """
        words = self._ask(self._client.read_holding_registers, address, count=count).registers
        return self._whole(list(words), count, "registers")

    def shown_coils(self, address: int, count: int) -> list[bool] | None:
        """Return coils that this client wrote before; None if the PLC does not allow to read them.

        Raises:
            SinkUnavailable: no answer.
        """
        return _unless_refused(lambda: self._coils(address, count))

    def shown_registers(self, address: int, count: int) -> list[int] | None:
        """Return registers that this client wrote before, like ``shown_coils``.

        Raises:
            SinkUnavailable: no answer.
        """
        return _unless_refused(lambda: self.read_registers(address, count))

    def _coils(self, address: int, count: int) -> list[bool]:
        bits = self._ask(self._client.read_coils, address, count=count).bits
        return [bool(bit) for bit in self._whole(bits[:count], count, "coils")]

    def _whole(self, values: list[int], count: int, what: str) -> list[int]:
        if len(values) != count:
            self._client.close()
            raise self._unavailable(f"expected {count} {what}. Received: {len(values)}")
        return values

    def _ask(self, request: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        try:
            answer = request(*arguments, device_id=self._unit, **named)
        except (ModbusException, OSError) as error:
            self._client.close()
            raise self._unavailable(f"no answer: {error}") from error
        if answer.isError():
            self._client.close()
            asked = ", ".join(map(str, arguments))
            reason = f"the PLC refuses {request.__name__}({asked}) with exception {_code(answer)}"
            raise self._unavailable(
                f"{reason}; check unit and addresses", _REFUSED_RETRY_S, _Refused
            )
        return answer

    def _unavailable(
        self,
        reason: str,
        retry_after_s: float | None = None,
        kind: type[SinkUnavailable] = SinkUnavailable,
    ) -> SinkUnavailable:
        return kind(
            f"no connection to the PLC {self._place}, unit {self._unit}: {reason}. The "
            "connection is tried again.",
            retry_after_s=retry_after_s,
        )


def to_words(value: int) -> list[int]:
    """Return a count as two registers, high word first; it wraps at 2 ** 32."""
    return [value >> 16 & 0xFFFF, value & 0xFFFF]


def _unless_refused(read: Callable[[], _Values]) -> _Values | None:
    try:
        return read()
    except _Refused:
        return None


def _code(answer: Any) -> str:
    return str(getattr(answer, "exception_code", "unknown"))
