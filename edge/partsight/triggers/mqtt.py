"""Messages of an MQTT 5 broker as triggers: the payload is the part's id.

Only messages that arrive while the line is connected count: a message published earlier belongs
to a part that is gone. So the session is clean, and retained messages are ignored. Without a
connection the state ``trigger`` is ``disconnected``. At QoS 1 a message may come twice; its part
is then inspected twice.
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

_RECONNECT_MAX_S = 10
# The whole line has 5 s to stop.
_STOP_S = 2.0


@contextlib.contextmanager
def mqtt_listener(
    config: MqttTriggerConfig, trigger_queue: TriggerQueue, telemetry: Telemetry
) -> Iterator[None]:
    """Put a trigger event into the queue for each message on a topic; reconnects by itself.

    Raises:
        ConfigError: the password or a certificate cannot be read.
    """
    client = make_client(config, "trigger", reconnect=True)
    host, port = address(config)
    _report_connection(client, config.topic, f"{host}:{port}", telemetry)
    ids = IdReport(telemetry)

    def on_message(client: paho.Client, data: Any, message: Any) -> None:
        if not message.retain:
            trigger_queue.put(ids.read_or_none(message.payload))

    client.on_message = on_message
    client.reconnect_delay_set(1, _RECONNECT_MAX_S)
    client.connect_async(host, port, KEEPALIVE_S, clean_start=True)
    client.loop_start()
    try:
        yield
    finally:
        client.on_disconnect = None  # the line stops: that is no fault
        client.disconnect()
        # In a thread, since loop_stop waits for a connection attempt that is under way.
        stopping = threading.Thread(target=client.loop_stop, daemon=True)
        stopping.start()
        stopping.join(_STOP_S)


def _report_connection(client: paho.Client, topic: str, broker: str, telemetry: Telemetry) -> None:
    """Subscribe after each connection, and keep the state ``trigger`` up to date."""

    def on_connect(client: paho.Client, data: Any, flags: Any, reason: Any, more: Any) -> None:
        if reason.is_failure:
            telemetry.state(
                "trigger", "refused", f"the broker {broker} refuses the connection: {reason}"
            )
        else:
            client.subscribe(topic, qos=1)

    def on_subscribe(client: paho.Client, data: Any, mid: int, reasons: Any, more: Any) -> None:
        refused = [reason for reason in reasons if reason.is_failure]
        if refused:
            detail = f"the broker {broker} refuses the topic {topic}: {refused[0]}"
            telemetry.state("trigger", "refused", detail)
        else:
            telemetry.state("trigger", "listening", f"topic {topic} of {broker}")

    def on_disconnect(client: paho.Client, data: Any, flags: Any, reason: Any, more: Any) -> None:
        before = telemetry.states().get("trigger")
        # A broker that refuses also disconnects; the refusal says more and stays.
        if before is None or before.name != "refused":
            telemetry.state("trigger", "disconnected", f"broker {broker}: {reason}")

    def on_connect_fail(client: paho.Client, data: Any) -> None:
        telemetry.state("trigger", "disconnected", f"the broker {broker} cannot be reached")

    client.on_connect, client.on_subscribe = on_connect, on_subscribe
    client.on_disconnect, client.on_connect_fail = on_disconnect, on_connect_fail
