"""``[health]``: HTTP server for /healthz, /readyz and /metrics."""

from __future__ import annotations

from pydantic import model_validator

from partsight.config.network_address import Host, is_loopback
from partsight.config.secret import no_second_secret
from partsight.config.section import ConfigPath, Section, key
from partsight.config.value_types import Text

__all__ = ["HealthConfig"]


class HealthConfig(Section):
    """HTTP server that reports the state of the line: /healthz, /readyz and /metrics."""

    enabled: bool = key(True, "Run the server.")
    host: Host = key(
        "127.0.0.1",
        "Address to listen on: 127.0.0.1 serves this machine only, 0.0.0.0 also the network. Every "
        "address except loopback needs a token.",
    )
    port: int = key(8614, "Port to listen on; 0 takes a free one.", ge=0, le=65535)
    token_env: Text | None = key(
        None,
        "Environment variable with the bearer token for /readyz and /metrics. /healthz, which says "
        "only whether the line runs, needs no token.",
    )
    token_file: ConfigPath | None = key(None, "File with the bearer token.")
    stalled_after_s: float = key(
        10.0, "Seconds without progress until /healthz answers 503.", gt=0, le=3600
    )
    sink_unreachable_after_s: float = key(
        300.0,
        "After a failed delivery, seconds without a confirmed one until the sink makes /readyz "
        "answer 503; 0: at once, inf: never.",
        ge=0,
    )

    @model_validator(mode="after")
    def _sound(self) -> HealthConfig:
        no_second_secret("token", self.token_env, self.token_file)
        if self.enabled and not (is_loopback(self.host) or self.token_env or self.token_file):
            raise ValueError("a host other than loopback needs token_env or token_file")
        return self
