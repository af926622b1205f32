"""Text of the systemd unit that starts the line at boot. Pure; ``install-service`` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from partsight.errors import ConfigError

__all__ = ["Service", "service_unit", "unreadable"]

_TEMPLATE = """\
# Written by 'partsight install-service'. Change settings with 'systemctl edit {name}'.

[Unit]
Description=partsight: inspection of manufactured parts
# Does not wait for the network: cameras may be local, and sinks catch up.
After=network.target time-sync.target
# No limit of restarts: a device may run unattended.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
# The colon prevents expansion of variables.
ExecStart=:{command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5
# A wrong command line is not tried again.
RestartPreventExitStatus=2
# 3: a regular end, with some parts that could not be inspected; the journal names them.
SuccessExitStatus=3
# A model is first tried in a process of its own, which takes a while on a small device.
TimeoutStartSec=120
# The loop notifies at least twice a second; a slow disk may delay it.
WatchdogSec={watchdog_s}
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec=10

# User and groups: an unprivileged user with access to cameras.
{user}
SupplementaryGroups={groups}
UMask=0027
ConfigurationDirectory=partsight
StateDirectory={name}
StateDirectoryMode=0750
CacheDirectory={name}
WorkingDirectory=%S/{name}
Environment=PARTSIGHT_CACHE_DIR=%C/{name}
# Secrets, such as a broker's password: a file that only root can read.
EnvironmentFile=-/etc/partsight/environment

# Resources.
MemoryMax={memory_max}
# The trial of a bad model may be killed for memory; the line goes on.
OOMPolicy=continue
TasksMax=128
LimitCORE=0

# Access: cameras, the network, and its own folders.
DevicePolicy=closed
{devices}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
ProtectSystem=strict
{places}
PrivateTmp=yes
PrivateMounts=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes

# No further privileges.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
# Includes @resources, which the trial of a model needs to limit its memory.
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""

_CAMERAS = ("video4linux",)
_SERIAL_PORTS = ("ttyACM", "ttyUSB", "ttyS")


@dataclass(frozen=True, slots=True)
class Service:
    """Settings of a unit. Paths are absolute.

    Attributes:
        python: interpreter of the environment with partsight.
        model: the model file.
        config: the device's configuration.
        name: of the unit, without ``.service``.
        user: an existing account; None uses a dynamic user of systemd.
        memory_max: limit in systemd's format, such as ``512M``.
        watchdog_s: seconds without a turn of the loop after which the line is restarted.
        written: folders to write to, in addition to its own.
        watched: files and folders that frames are read from.
        has_reader: whether a barcode reader at a serial port gives the part ids.
    """

    python: Path
    model: Path
    config: Path
    name: str = "partsight"
    user: str | None = None
    memory_max: str = "512M"
    watchdog_s: int = 30
    written: tuple[Path, ...] = ()
    watched: tuple[Path, ...] = ()
    has_reader: bool = False

    @property
    def own(self) -> tuple[Path, ...]:
        """Folders that systemd creates for the service."""
        return Path("/var/lib", self.name), Path("/var/cache", self.name)


def service_unit(service: Service) -> str:
    """Return the text of the unit.

    Raises:
        ConfigError: a path has characters that a unit cannot contain.
    """
    # -I: nothing is imported from the working directory, which the service can write to.
    words = ["-I", "-m", "partsight", "watch", str(service.model), "--config", str(service.config)]
    command = " ".join([_program(str(service.python)), *map(_quoted, words)])
    homes = (Path("/home"), Path("/root"), Path("/run/user"))
    reached = (*_needed(service), *service.written)
    at_home = any(path.is_relative_to(home) for home in homes for path in reached)
    places = [f"ProtectHome={'read-only' if at_home else 'yes'}"]
    places += [f"ReadWritePaths={_quoted(str(folder))}" for folder in service.written]
    devices = (*_CAMERAS, *(_SERIAL_PORTS if service.has_reader else ()))
    return _TEMPLATE.format(
        name=service.name,
        command=command,
        user="DynamicUser=yes" if service.user is None else f"User={service.user}",
        memory_max=service.memory_max,
        watchdog_s=service.watchdog_s,
        groups="video dialout" if service.has_reader else "video",
        devices="\n".join(f"DeviceAllow=char-{each} rw" for each in devices),
        places="\n".join(places),
    )


def unreadable(service: Service) -> list[Path]:
    """Return the needed files, and folders on their paths, that the service's user cannot read."""
    places = [place for path in _needed(service) for place in (*reversed(path.parents), path)]
    return [
        place
        for place in dict.fromkeys(places)
        if place.exists() and not place.is_symlink()  # the target of a link is listed too
        if not place.stat().st_mode & (0o001 if place.is_dir() else 0o004)
    ]


def _needed(service: Service) -> tuple[Path, ...]:
    """Return the needed files and the targets of links, such as a virtual environment's Python."""
    named = (service.python, service.model, service.config, *service.watched)
    return tuple(dict.fromkeys([*named, *(path.resolve() for path in named)]))


def _program(path: str) -> str:
    if set(path) & set("'\"\\"):
        raise ConfigError(
            f"a systemd unit cannot start the program {path!r}: expected a path without quotes "
            "and backslashes. Install partsight elsewhere, such as in /opt."
        )
    return _quoted(path)


def _quoted(word: str) -> str:
    """Quote a word according to systemd.syntax(7)."""
    if not word.isprintable():
        raise ConfigError(
            f"a systemd unit cannot start {word!r}: expected a path of printable characters. "
            "Rename it."
        )
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{word}"' if not word or set(word) & set(" '\"\\;") else word
