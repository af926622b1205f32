"""Text from the other end of a connection, as part of a message.

The only place that decides how much of it is shown. Log, telemetry and journal must not grow with
what a receiver answers, nor must its control characters reach a terminal.
"""

from __future__ import annotations

from partsight.utils.printable import printable
from partsight.utils.redaction import redact_text

__all__ = ["LONGEST", "MESSAGE_LONGEST", "remote_message", "remote_text"]

# Characters of a quoted text, and of a message that may quote several.
LONGEST = 200
MESSAGE_LONGEST = 1000
# Redaction gets more, so that a secret at the end is recognized.
_EXAMINED = 4000


def remote_text(text: object, longest: int = LONGEST) -> str:
    """Return a text of a receiver or a library on one line, escaped, redacted and shortened.

    Args:
        text: any object; its ``str`` is used.
        longest: number of characters; a longer text ends in an ellipsis.
    """
    return _shortened(printable(" ".join(redact_text(str(text)[:_EXAMINED]).split())), longest)


def remote_message(text: str) -> str:
    """Return the detail of a state, which may quote what a receiver answered."""
    return _shortened(printable(redact_text(text[:_EXAMINED])), MESSAGE_LONGEST)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."
