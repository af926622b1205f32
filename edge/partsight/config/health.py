"""``[health]``: who may ask how the line is, and where."""

from __future__ import annotations

from pydantic import Field

from partsight.config.network_address import Host
from partsight.config.section import Section

__all__ = ["HealthConfig"]


class HealthConfig(Section):
    """Who may ask how the line is: /healthz, /readyz and /metrics."""

    enabled: bool = Field(default=True, description="Whether anybody is answered.")
    host: Host = Field(
        default="127.0.0.1",
        description="Address to listen on; the default answers this machine only, 0.0.0.0 "
        "anybody. There is no password: nothing can be changed, but all counts can be read.",
    )
    port: int = Field(
        default=8614, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    stalled_after_s: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="Seconds without a turn of the loop after which /healthz says 503.",
    )
    sink_unreachable_after_s: float = Field(
        default=300.0,
        ge=0,
        description="Seconds without a confirmed delivery, once one has failed, after which a sink "
        "makes /readyz say 503; 0 is at once, inf never.",
    )
