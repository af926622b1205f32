"""Messages of an MQTT 5 broker as triggers: the payload is the part's id.

Messages count from when they arrive. So the session is clean, and retained messages are passed
over: what was published while we were away tells of parts that are gone. Meanwhile ``trigger``
is ``disconnected`` in the vitals. At QoS 1 a message may come twice; its part is then judged
twice.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from partsight.connections.mqtt import KEEPALIVE_S, address, make_client, paho
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.id_report import IdReport
from partsight.triggers.trigger_queue import TriggerQueue

if TYPE_CHECKING:
    from partsight.config.trigger import MqttTriggerConfig

__all__ = ["mqtt_listener"]

_LONGEST_PAUSE_S = 10
# A line that is told to end has 5 s for everything.
_LEAVE_S = 2.0


@contextlib.contextmanager
def mqtt_listener(
    config: MqttTriggerConfig, trigger_queue: TriggerQueue, telemetry: Telemetry
) -> Iterator[None]:
    """Put an occasion into the inbox for each message on a topic; reconnects by itself.

    Raises:
        ConfigError: the password or a certificate cannot be read.
    """
    client = make_client(config, "trigger", reconnect=True)
    host, port = address(config)
    place, ids = f"{host}:{port}", IdReport(telemetry)

    def on_connect(client: paho.Client, data: Any, flags: Any, reason: Any, more: Any) -> None:
        if reason.is_failure:
            telemetry.state("trigger", "refused", f"the broker {place} answers {reason}")
        else:
            client.subscribe(config.topic, qos=1)

    def on_subscribe(client: paho.Client, data: Any, mid: int, reasons: Any, more: Any) -> None:
        refused = [reason for reason in reasons if reason.is_failure]
        if refused:
            reason = f"the broker {place} answers {refused[0]} to the topic {config.topic}"
            telemetry.state("trigger", "refused", reason)
        else:
            telemetry.state("trigger", "listening", f"topic {config.topic} of {place}")

    def on_disconnect(client: paho.Client, data: Any, flags: Any, reason: Any, more: Any) -> None:
        before = telemetry.states().get("trigger")
        # Who refuses us hangs up too, and that says less.
        if before is None or before.name != "refused":
            telemetry.state("trigger", "disconnected", f"broker {place}: {reason}")

    def on_connect_fail(client: paho.Client, data: Any) -> None:
        telemetry.state("trigger", "disconnected", f"the broker {place} cannot be reached")

    def on_message(client: paho.Client, data: Any, message: Any) -> None:
        if not message.retain:
            trigger_queue.put(ids.read_or_none(message.payload))

    client.on_connect, client.on_subscribe = on_connect, on_subscribe
    client.on_disconnect, client.on_connect_fail = on_disconnect, on_connect_fail
    client.on_message = on_message
    client.reconnect_delay_set(1, _LONGEST_PAUSE_S)
    client.connect_async(host, port, KEEPALIVE_S, clean_start=True)
    client.loop_start()
    try:
        yield
    finally:
        client.disconnect()
        # Apart: where it is about to reach a broker that is away, it ends only after that.
        ending = threading.Thread(target=client.loop_stop, daemon=True)
        ending.start()
        ending.join(_LEAVE_S)
