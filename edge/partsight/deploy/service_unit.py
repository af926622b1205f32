"""The systemd unit that starts the line with the machine. Pure; ``install-service`` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from partsight.errors import ConfigError

__all__ = ["Service", "service_unit", "unreadable"]

_TEMPLATE = """\
# Written by 'partsight install-service'. To change a line, 'systemctl edit {name}'.

[Unit]
Description=partsight: inspection of manufactured parts
# It does not wait for the network: cameras may be wired, and sinks catch up.
After=network.target time-sync.target
# Nobody stands beside the device to start it again: it never gives up.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
# The colon: no argument is taken for a variable.
ExecStart=:{command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5
# A wrong command line does not get better by being tried again.
RestartPreventExitStatus=2
# It ended as it should, and some parts could not be judged: the journal names them.
SuccessExitStatus=3
# A model is first run in a process of its own, which takes a while on a small device.
TimeoutStartSec=120
# Fed by the turns of the loop, two a second at least; a slow disk may hold one up.
WatchdogSec={watchdog_s}
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec=10

# Who it is: nobody in particular, who may look through cameras.
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

# What it may take.
MemoryMax={memory_max}
# The trial of a bad model may be killed for it; the line goes on.
OOMPolicy=continue
TasksMax=128
LimitCORE=0

# What it may reach: cameras, the network, and its own folders.
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

# What it may become: nothing else.
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
# With @resources, of which the trial of a model limits its memory.
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
    """What a unit starts, and as whom. Paths are absolute.

    Attributes:
        python: the interpreter that partsight is installed in.
        model: the file that judges.
        config: the device's configuration.
        name: of the unit, without ``.service``.
        user: an account that is there; None has systemd make one up for the time it runs.
        memory_max: as systemd takes it, such as ``512M``.
        watchdog_s: a loop without a turn for so many seconds is started again.
        written: folders beside its own that it writes to.
        watched: files and folders that frames are read from.
        has_reader: whether a barcode reader at a serial port names the parts.
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
        """The folders that systemd makes for it."""
        return Path("/var/lib", self.name), Path("/var/cache", self.name)


def service_unit(service: Service) -> str:
    """The text of the unit.

    Raises:
        ConfigError: a path holds what no unit can.
    """
    # -I: what lies in the folder that it writes to is not imported.
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
    """Which files or folders on the way to them not everybody may read, as the service has to."""
    places = [place for path in _needed(service) for place in (*reversed(path.parents), path)]
    return [
        place
        for place in dict.fromkeys(places)
        if place.exists() and not place.is_symlink()  # where that leads to is there, too
        if not place.stat().st_mode & (0o001 if place.is_dir() else 0o004)
    ]


def _needed(service: Service) -> tuple[Path, ...]:
    """Also what links lead to: the Python of a virtual environment is one to another place."""
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
    """A word as systemd.syntax(7) reads it back."""
    if not word.isprintable():
        raise ConfigError(
            f"a systemd unit cannot start {word!r}: expected a path of printable characters. "
            "Rename it."
        )
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{word}"' if not word or set(word) & set(" '\"\\;") else word
