"""Reads part ids for listeners, and reports triggers that name no part.

A part whose id is missing is inspected all the same. The state ``part ids`` is

    read     the last trigger named its part
    none     the last trigger was empty, and is not meant to name a part
    missing  no id could be found in the last trigger
"""

from __future__ import annotations

from collections.abc import Callable

from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.part_id import part_id_of

__all__ = ["IdReport"]

_COMPONENT = "part ids"
_LONGEST_SHOWN = 60
_BLANK = b" \t\r\n\0"


class IdReport:
    """Reads the ids of one trigger, counts the missing ones and reports the state ``part ids``.

    Args:
        telemetry: gets the state ``part ids`` and the counter ``part_ids_missing``.
        expected: whether an empty trigger counts as one whose id is missing.
    """

    def __init__(self, telemetry: Telemetry, *, expected: bool = False) -> None:
        self._telemetry, self._expected = telemetry, expected

    def read(self, payload: bytes, parse: Callable[[bytes], str | None] = part_id_of) -> str | None:
        """Return the id in a payload, or None; a missing id is reported.

        Args:
            payload: content of the trigger.
            parse: reads an id from it.

        Raises:
            ValueError: the id cannot be read; that is reported too.
        """
        try:
            part_id = parse(payload)
        except ValueError as error:
            self._missing("unreadable", str(error), payload)
            raise
        if part_id is not None:
            self._telemetry.state(_COMPONENT, "read")
        elif payload.strip(_BLANK):
            self._missing("absent", "no key or text names a part", payload)
        elif self._expected:
            self._missing("empty", "the id is empty", payload.strip(_BLANK))
        else:
            self._telemetry.count("part_ids_missing", "empty")
            self._telemetry.state(_COMPONENT, "none", "triggers have no part id")
        return part_id

    def read_or_none(
        self, payload: bytes, parse: Callable[[bytes], str | None] = part_id_of
    ) -> str | None:
        """Like ``read``, but return None if the id cannot be read."""
        try:
            return self.read(payload, parse)
        except ValueError:
            return None

    def _missing(self, why: str, reason: str, payload: bytes) -> None:
        self._telemetry.count("part_ids_missing", why)
        shown = payload[:_LONGEST_SHOWN].decode("utf-8", "backslashreplace")
        more = "..." if len(payload) > _LONGEST_SHOWN else ""
        self._telemetry.state(
            _COMPONENT,
            "missing",
            f"a trigger without a part id: {reason}. Trigger: {shown!r}{more}",
        )
