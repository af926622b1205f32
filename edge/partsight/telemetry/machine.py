"""Temperatures and free disk space of the device, for the telemetry.

Measured in a thread of its own, since a hanging disk or a sensor on a slow bus answers late.
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
    """Measure at the start of the block and every ``every_s`` seconds while it is open.

    A value that cannot be read keeps its last reading.

    Args:
        places: folders whose disks must not fill up, by name, such as journal and pictures.
        telemetry: gets ``temperature_celsius`` and ``disk_free_bytes``.
        thermal: folder of the thermal zones in Linux's sysfs.
        every_s: seconds between two measurements.
    """

    def look() -> None:
        for zone, celsius in temperatures_celsius(thermal).items():
            telemetry.set("temperature_celsius", celsius, zone)
        for name, place in places.items():
            with contextlib.suppress(OSError):
                telemetry.set("disk_free_bytes", free_bytes(place), name)

    return Periodic("machine", look, every_s)


def temperatures_celsius(thermal: Path = _THERMAL) -> dict[str, float]:
    """Return degrees Celsius by thermal zone, see the kernel's sysfs-class-thermal.

    A zone is named by its type, such as ``cpu-thermal``; if several have the same type, the
    folder's name is added from the second on. Zones that are switched off are left out.
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
