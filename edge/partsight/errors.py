"""The exceptions of partsight.

    PartsightError              base class; the command line prints it as one line
    ├── EnvironmentFault        this machine lacks a library, a runtime or an extra
    ├── ImageError              one image cannot be decoded; a run reports it and continues
    ├── DatasetError            labelled folders cannot be used for training or evaluation
    ├── ModelError              a model file is missing, damaged or of another format
    │   ├── ContractError       the contract of an undamaged model is missing or invalid
    │   └── SignatureError      the model has no trusted signature, or a key is unusable
    ├── ConfigError             the device's configuration is wrong
    ├── SourceError             a camera, stream, video or folder cannot be opened or read
    ├── JournalError            the journal cannot be read, or was changed after writing
    └── OutputError             a result cannot be written to its destination
        ├── SinkUnavailable     a result cannot be delivered now, such as to a broker that is down
        ├── RowRefused          a receiver refuses a result because of its content
        └── SinkClosed          a result can never be delivered: the reader of a pipe has left

Each message names the action, the expected and the received value, and the next step. Errors of
libraries are mapped to these at one boundary each, with ``raise ... from``.
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
    "RowRefused",
    "SignatureError",
    "SinkClosed",
    "SinkUnavailable",
    "SourceError",
]


class PartsightError(Exception):
    """Base of all errors of partsight."""


class EnvironmentFault(PartsightError):
    """This machine lacks a library, a runtime or an extra."""


class ImageError(PartsightError):
    """One image cannot be decoded."""


class DatasetError(PartsightError):
    """Labelled folders cannot be used for training or evaluation."""


class ModelError(PartsightError):
    """A model file is missing, damaged or of another format."""


class ContractError(ModelError):
    """The contract of an undamaged model file is missing or invalid."""


class SignatureError(ModelError):
    """A model file has no signature that this device trusts, or a key is unusable."""


class ConfigError(PartsightError):
    """The device's configuration cannot be read, or has an unknown key or value."""


class SourceError(PartsightError):
    """A camera, stream, video or folder cannot be opened or read."""


class JournalError(PartsightError):
    """The journal cannot be read, or was changed after writing."""


class UnreadableRow(JournalError):
    """A row of the journal has a value that no writer of the journal stores.

    Attributes:
        seq: of the row.
        id: of the verdict; None if it is an event, or has no readable id.
    """

    def __init__(self, table: str, seq: int, id: str | None, reason: str) -> None:  # noqa: A002
        super().__init__(
            f"row {seq} of the journal's {table} cannot be read: {reason}. It was damaged or "
            "changed after writing. Run 'partsight journal verify'."
        )
        self.seq, self.id = seq, id


class OutputError(PartsightError):
    """A result cannot be written to its destination."""


class SinkUnavailable(OutputError):
    """A result cannot be delivered now; the same result is retried later.

    Attributes:
        retry_after_s: seconds to wait, requested by the receiver or chosen for a fault that people
            must fix; None if the caller may choose.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RowRefused(OutputError):
    """A receiver refuses results because of the content of at least one of them."""


class SinkClosed(OutputError):
    """A result cannot be delivered now or later; there is no retry."""
