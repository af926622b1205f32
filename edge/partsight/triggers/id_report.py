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

_PART = "part ids"
_LONGEST_SHOWN = 60
_BLANK = b" \t\r\n\0"


class IdReport:
    """Counts and tells what became of the ids of one trigger.

    Args:
        telemetry: gets the state ``part ids`` and the counter ``part_ids_missing``.
        expected: whether an empty trigger is one whose id is missing.
    """

    def __init__(self, telemetry: Telemetry, *, expected: bool = False) -> None:
        self._telemetry, self._expected = telemetry, expected

    def read(self, payload: bytes, parse: Callable[[bytes], str | None] = part_id_of) -> str | None:
        """Return the id in a payload, or None, which is reported.

        Args:
            payload: what came with the trigger.
            parse: how an id is read from it.

        Raises:
            ValueError: it cannot be read, which is reported too.
        """
        try:
            part_id = parse(payload)
        except ValueError as error:
            self._missing("unreadable", str(error), payload)
            raise
        if part_id is not None:
            self._telemetry.state(_PART, "read")
        elif payload.strip(_BLANK):
            self._missing("absent", "no key or text names a part", payload)
        elif self._expected:
            self._missing("empty", "it is empty", payload.strip(_BLANK))
        else:
            self._telemetry.count("part_ids_missing", "empty")
            self._telemetry.state(_PART, "none", "triggers name no part")
        return part_id

    def read_or_none(
        self, payload: bytes, parse: Callable[[bytes], str | None] = part_id_of
    ) -> str | None:
        """As ``read``, for parts that are inspected also where their id cannot be read."""
        try:
            return self.read(payload, parse)
        except ValueError:
            return None

    def _missing(self, why: str, reason: str, payload: bytes) -> None:
        self._telemetry.count("part_ids_missing", why)
        shown = payload[:_LONGEST_SHOWN].decode("utf-8", "backslashreplace")
        more = "..." if len(payload) > _LONGEST_SHOWN else ""
        self._telemetry.state(
            _PART, "missing", f"a trigger without a part id: {reason}. Trigger: {shown!r}{more}"
        )
