"""What a soak run leaves behind: what was shown, and what each receiver got. Plain data.

Times are seconds of ``time.monotonic`` of the machine that ran the soak.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Evidence", "Gap", "Life", "PlcWrite", "Request", "Row", "Sample", "Shown"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A trigger that was sent to the line for a part.

    Attributes:
        part_id: of the part in front of the camera.
        at_s: when the request was sent.
        status: of the answer; None if there was none.
        due: whether the line was up and undisturbed, so that it had to accept the trigger.
    """

    part_id: str
    at_s: float
    status: int | None
    due: bool = False

    @property
    def accepted(self) -> bool:
        return self.status == 202


@dataclass(frozen=True, slots=True)
class Shown:
    """The camera sent the image of one part from one time to another."""

    number: int
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which verdicts may be missing, because the line could not write or was killed.

    Attributes:
        receiver: ``journal``, ``pictures`` or the kind of a sink.
        count: how many may be missing; None without a limit.
        why: shown in the report.
    """

    receiver: str
    from_s: float
    to_s: float
    count: int | None
    why: str


@dataclass(frozen=True, slots=True)
class PlcWrite:
    """A write that the PLC received: coils (function 15) or registers (function 16)."""

    function: int
    address: int
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory, bytes, and open descriptors of the line's process."""

    at_s: float
    rss: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Life:
    """One process of the line.

    Attributes:
        samples: taken about once a second.
        plc_from: number of writes that the PLC had received before this process started.
        ended: how it ended; ``killed`` and ``stopped`` were asked for.
    """

    samples: Sequence[Sample]
    plc_from: int
    ended: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the auditor compares.

    Attributes:
        requests: in the order they were sent.
        shown: what the camera really sent, also while it was frozen.
        frame_timeout_s: within this time after its trigger a part's frame is taken.
        journals: rows of each journal file, by file name, in order of ``seq``.
        verified: by file name, the complaint of ``partsight journal verify``; empty if sound.
        exported: number of rows that ``partsight journal export`` wrote, by file name.
        received: rows by sink, in the order of arrival, repeated deliveries included.
        plc_writes: in the order of arrival.
        pictures: by path relative to the folder, the number in the image; None if unreadable.
        gaps: where verdicts may be missing.
        replaced_journals: how often the journal was taken away under the line.
        models: digests of the models that may judge parts.
        texts: by name, each file and answer in which a secret must not be found.
        secrets: texts that must be found nowhere.
        lives: the line's processes, in order.
    """

    requests: Sequence[Request] = ()
    shown: Sequence[Shown] = ()
    frame_timeout_s: float = 0.5
    journals: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    verified: Mapping[str, str] = field(default_factory=dict)
    exported: Mapping[str, int] = field(default_factory=dict)
    received: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    plc_writes: Sequence[PlcWrite] = ()
    pictures: Mapping[str, int | None] = field(default_factory=dict)
    gaps: Sequence[Gap] = ()
    replaced_journals: int = 0
    models: Sequence[str] = ()
    texts: Mapping[str, bytes] = field(default_factory=dict)
    secrets: Sequence[str] = ()
    lives: Sequence[Life] = ()
