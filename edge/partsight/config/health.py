"""``[health]``: HTTP server for /healthz, /readyz and /metrics."""

from __future__ import annotations

from partsight.config.section import Section, key

__all__ = ["HealthConfig"]


class HealthConfig(Section):
    """HTTP server that reports the state of the line: /healthz, /readyz and /metrics."""

    enabled: bool = key(True, "Run the server.")
    host: str = key(
        "127.0.0.1",
        "Address to listen on: 127.0.0.1 serves this machine only, 0.0.0.0 the network. There is "
        "no password: nothing can be changed, but all counts can be read.",
        min_length=1,
    )
    port: int = key(8614, "Port to listen on; 0 takes a free one.", ge=0, le=65535)
    stalled_after_s: float = key(
        10.0, "Seconds without progress until /healthz answers 503.", gt=0, le=3600
    )
    sink_unreachable_after_s: float = key(
        300.0,
        "Seconds without a confirmed delivery, after a failed one, from which a sink makes "
        "/readyz answer 503; 0 is at once, inf never.",
        ge=0,
    )
