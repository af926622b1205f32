"""How the device itself is: temperatures and free room, into the vitals.

A thread of its own looks, since a disk that hangs, or a sensor on a slow bus, answers late.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from partsight.telemetry.telemetry import Telemetry
from partsight.utils.disk import free_bytes
from partsight.utils.periodic import Periodic

__all__ = ["machine_watch", "temperatures_celsius"]

EVERY_S = 10.0
_THERMAL = Path("/sys/class/thermal")


def machine_watch(
    places: Mapping[str, Path],
    telemetry: Telemetry,
    *,
    thermal: Path = _THERMAL,
    every_s: float = EVERY_S,
) -> Periodic:
    """Looks every ``every_s`` seconds while the block lasts, and once as it begins.

    What cannot be read keeps its last value.

    Args:
        places: names of folders whose disks must not fill, such as journal and pictures.
        telemetry: gets ``temperature_celsius`` and ``disk_free_bytes``.
        thermal: where Linux shows its thermal zones.
        every_s: seconds between two looks.
    """

    def look() -> None:
        for zone, celsius in temperatures_celsius(thermal).items():
            telemetry.set("temperature_celsius", celsius, zone)
        for name, place in places.items():
            with contextlib.suppress(OSError):
                telemetry.set("disk_free_bytes", free_bytes(place), name)

    return Periodic("machine", look, every_s)


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
