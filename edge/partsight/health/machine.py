"""How the device itself is: temperatures and free room, into the vitals.

A thread of its own looks, since a disk that hangs, or a sensor on a slow bus, answers late.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from partsight.health.vitals import Vitals

__all__ = ["MachineWatch", "free_bytes", "temperatures_celsius"]

EVERY_S = 10.0
_THERMAL = Path("/sys/class/thermal")


class MachineWatch:
    """Looks every ``every_s`` seconds while the block lasts, and once as it begins.

    Args:
        places: names of folders whose disks must not fill, such as journal and pictures.
        vitals: gets ``temperature_celsius`` and ``disk_free_bytes``.
        thermal: where Linux shows its thermal zones.
        every_s: seconds between two looks.
    """

    def __init__(
        self,
        places: Mapping[str, Path],
        vitals: Vitals,
        *,
        thermal: Path = _THERMAL,
        every_s: float = EVERY_S,
    ) -> None:
        self._places = dict(places)
        self._vitals = vitals
        self._thermal = thermal
        self._every_s = every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="machine", daemon=True)

    def __enter__(self) -> MachineWatch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        # Not for ever: a disk that hangs must not keep the line from ending.
        self._thread.join(timeout=1.0)

    def look(self) -> None:
        """Look once, now. What cannot be read keeps its last value."""
        for zone, celsius in temperatures_celsius(self._thermal).items():
            self._vitals.set("temperature_celsius", celsius, zone)
        for name, place in self._places.items():
            free = free_bytes(place)
            if free is not None:
                self._vitals.set("disk_free_bytes", free, name)

    def _run(self) -> None:
        self.look()
        while not self._end.wait(self._every_s):
            self.look()


def temperatures_celsius(thermal: Path = _THERMAL) -> dict[str, float]:
    """Degrees by thermal zone, see the kernel's sysfs-class-thermal: ``temp`` is in thousandths.

    A zone goes by its type, such as ``cpu-thermal``; of several with one type each after the
    first by its folder's name too. One that is switched off cannot be read, and is left out.
    """
    found: dict[str, float] = {}
    for folder in sorted(thermal.glob("thermal_zone*")):
        try:
            kind = (folder / "type").read_text().strip() or folder.name
            celsius = int((folder / "temp").read_text()) / 1000
        except (OSError, ValueError):
            continue
        found[f"{kind} {folder.name}" if kind in found else kind] = celsius
    return found


def free_bytes(place: Path) -> int | None:
    """Room for this user on the disk of a folder, or of the nearest one above that is there."""
    for folder in (place, *place.absolute().parents):
        try:
            return shutil.disk_usage(os.fspath(folder)).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None
