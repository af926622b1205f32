"""Alarms on the line's final verdicts. They need no reference, so they work from the first part.

- ``rejects-in-a-row``: too many parts in a row were rejected, inspected or not;
- ``faults-in-a-row``: too many parts in a row could not be inspected: faults, and pictures with
  practically no contrast, which would otherwise go to review without an alarm;
- ``reject-rate-limit``: more than a share of the last parts was rejected.

An alarm on a run clears after ``clear_after`` other parts in a row. The alarm on the rate clears
once the rate is at most four fifths of its limit, so that it does not toggle at the limit.
"""

from __future__ import annotations

import collections
from typing import Protocol

from partsight.config.alarms import AlarmsConfig
from partsight.records import PartResult, Verdict
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.counts import counted

__all__ = ["Concluded", "LineAlarms"]

# The alarm clears when the reject rate is at most this share of its limit.
_CLEAR_SHARE = 0.8


class Concluded(Protocol):
    """The fields of the line's ``Inspection`` that alarms use."""

    @property
    def result(self) -> PartResult:
        """The result with the final verdict, which may be the fail-safe one."""

    @property
    def fault(self) -> str | None:
        """The kind of fault; None without a fault."""

    @property
    def flat(self) -> bool:
        """Whether the picture has practically no contrast, and so shows no part."""


class LineAlarms:
    """Called with each inspection, in the loop's thread.

    Args:
        settings: limits of the alarms.
        telemetry: gets ``alarms``, and a state per alarm once it was raised.
    """

    def __init__(self, settings: AlarmsConfig, telemetry: Telemetry) -> None:
        self._settings = settings
        self._rejects = _Run(_Alarm("rejects-in-a-row", telemetry), "rejected", "not rejected")
        self._faults = _Run(_Alarm("faults-in-a-row", telemetry), "not inspected", "inspected")
        self._rate = _Rate(_Alarm("reject-rate-limit", telemetry))

    def __call__(self, inspection: Concluded) -> None:
        """Count a part."""
        settings, result = self._settings, inspection.result
        rejected = result.verdict is Verdict.REJECT
        clear_after = settings.clear_after
        self._rejects.add(rejected, result.reason, settings.rejects_in_a_row, clear_after)
        faulty = inspection.fault is not None or inspection.flat
        self._faults.add(faulty, result.reason, settings.faults_in_a_row, clear_after)
        self._rate.add(rejected, settings.reject_rate_above, settings.reject_rate_parts)

    def use(self, settings: AlarmsConfig) -> None:
        """Use other settings; an alarm that is switched off clears, the others stay."""
        self._settings = settings
        if not settings.rejects_in_a_row:
            self._rejects.alarm.clear("switched off")
        if not settings.faults_in_a_row:
            self._faults.alarm.clear("switched off")
        if not settings.reject_rate_above:
            self._rate.alarm.clear("switched off")

    def follow_model(self) -> None:
        """Start again after a model swap: rejects of the previous model do not count.

        A run of faults goes on: most are caused by the camera or the light, not by the model.
        """
        self._rejects.restart("another model")
        self._rate.restart("another model")


class _Alarm:
    """An alarm in the telemetry, raised or clear."""

    def __init__(self, name: str, telemetry: Telemetry) -> None:
        self._name, self._telemetry, self.raised = name, telemetry, False
        telemetry.set("alarms", 0, name)

    def raise_(self, why: str) -> None:
        self.raised = True
        self._telemetry.set("alarms", 1, self._name)
        self._telemetry.state(f"alarm {self._name}", "raised", why)

    def clear(self, why: str) -> None:
        if self.raised:
            self.raised = False
            self._telemetry.set("alarms", 0, self._name)
            self._telemetry.state(f"alarm {self._name}", "clear", why)


class _Run:
    """Parts in a row of one kind."""

    def __init__(self, alarm: _Alarm, what: str, otherwise: str) -> None:
        self.alarm, self._what, self._otherwise = alarm, what, otherwise
        self._length = self._others = 0

    def add(self, belongs: bool, reason: str, limit: int, clear_after: int) -> None:
        self._length = self._length + 1 if belongs else 0
        self._others = 0 if belongs else self._others + 1
        if limit and self._length >= limit:
            self.alarm.raise_(
                f"{counted(self._length, 'part')} in a row {self._what}; the last: {reason}"
            )
        elif self._others >= clear_after:
            self.alarm.clear(f"{counted(self._others, 'part')} in a row {self._otherwise}")

    def restart(self, why: str) -> None:
        self._length = self._others = 0
        self.alarm.clear(why)


class _Rate:
    """The share of rejects among the last parts."""

    def __init__(self, alarm: _Alarm) -> None:
        self.alarm = alarm
        self._last: collections.deque[bool] = collections.deque()
        self._rejected = 0

    def add(self, rejected: bool, limit: float, parts: int) -> None:
        self._last.append(rejected)
        self._rejected += rejected
        while len(self._last) > parts:
            self._rejected -= self._last.popleft()
        if len(self._last) < parts:
            return
        rate = f"{self._rejected} of the last {counted(parts, 'part')} rejected"
        if limit and self._rejected > limit * parts:
            self.alarm.raise_(f"{rate}, at most {limit * parts:.4g} expected")
        elif self._rejected <= _CLEAR_SHARE * limit * parts:
            self.alarm.clear(rate)

    def restart(self, why: str) -> None:
        self._last.clear()
        self._rejected = 0
        self.alarm.clear(why)
