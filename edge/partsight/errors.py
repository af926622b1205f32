"""Everything that partsight raises on purpose, and what each kind means.

    PartsightError              any of the below; the command line prints it as one line
    ├── EnvironmentFault        this machine lacks something: a library, a runtime, an extra
    ├── ImageError              one picture cannot be decoded; a run names it and goes on
    ├── DatasetError            the labelled folders cannot be trained or measured on
    ├── ModelError              a model file is missing, damaged or of another kind
    │   ├── ContractError       the file is sound, but what it says of itself is not
    │   └── SignatureError      it is not signed by whom this device trusts, or a key is unusable
    ├── ConfigError             the device's configuration is wrong
    ├── SourceError             a camera, stream, video or folder cannot be opened or read
    ├── JournalError            the journal cannot be read, or is not as it was written
    └── OutputError             a result cannot be written where it was asked for
        ├── SinkUnavailable     it cannot be delivered now, but perhaps later: a broker is down
        └── SinkClosed          nobody will ever take it there: the reader of a pipe has left

Each message says what was done, what was expected, what came and what to do next.
Errors of libraries are mapped to these at one boundary each, with ``raise ... from``.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "ContractError",
    "DatasetError",
    "EnvironmentFault",
    "ImageError",
    "JournalError",
    "ModelError",
    "OutputError",
    "PartsightError",
    "SignatureError",
    "SinkClosed",
    "SinkUnavailable",
    "SourceError",
]


class PartsightError(Exception):
    """Base of all errors that partsight raises on purpose."""


class EnvironmentFault(PartsightError):
    """This machine lacks a library, a runtime or an extra."""


class ImageError(PartsightError):
    """One picture cannot be decoded."""


class DatasetError(PartsightError):
    """A folder of labelled pictures cannot be trained or measured on."""


class ModelError(PartsightError):
    """A model file is missing, damaged or of another kind."""


class ContractError(ModelError):
    """A sound model file whose contract is missing, or says something impossible."""


class SignatureError(ModelError):
    """A model file that is not signed by whom this device trusts, or an unusable key."""


class ConfigError(PartsightError):
    """The device's configuration cannot be read, or holds an unknown key or value."""


class SourceError(PartsightError):
    """A camera, stream, video or folder cannot be opened or read."""


class JournalError(PartsightError):
    """The journal cannot be read, or is not as it was written."""


class OutputError(PartsightError):
    """A result cannot be written where it was asked for."""


class SinkUnavailable(OutputError):
    """A result cannot be handed on now; the same one is tried again later.

    Attributes:
        retry_after_s: seconds that the receiver asked for, or that a fault which people must
            mend is worth; None where the one who tries again may choose.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SinkClosed(OutputError):
    """A result cannot be delivered now or later; it is not tried again."""
