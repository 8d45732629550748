"""aiomqtt's client with two things it leaves out: late acknowledgement, and refusals by the broker.

aiomqtt acknowledges a message on arrival and takes any answer to a publication
for success. Here a message is acknowledged when it is safe, and a broker that
refuses (access list, quota) raises: else the outbox would empty into nothing.
"""

from typing import Any, Final

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

SESSION_SECONDS: Final = 7 * 24 * 3600
"""How long the broker keeps inbound messages for us while we are away."""
IN_FLIGHT: Final = 100
"""Messages at a time without acknowledgement, in either direction."""


class Refused(aiomqtt.MqttError):
    """The broker has not taken a message; the text says why."""


class Connection(aiomqtt.Client):
    """MQTT 5 with a persistent session."""

    def __init__(self, host: str, port: int, **options: Any) -> None:
        connect = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        connect.SessionExpiryInterval = SESSION_SECONDS
        connect.ReceiveMaximum = IN_FLIGHT
        super().__init__(
            host,
            port,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=connect,
            max_queued_incoming_messages=2 * IN_FLIGHT,
            max_inflight_messages=IN_FLIGHT,
            **options,
        )
        self.pending_calls_threshold = 10 * IN_FLIGHT
        self._client.manual_ack_set(True)
        self._refusal = ""

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """Tell the broker that it may forget the message."""
        self._client.ack(message.mid, message.qos)

    def check_refusals(self) -> None:
        """Raises `Refused` when the broker has refused any publication since the last look."""
        refusal, self._refusal = self._refusal, ""
        if refusal:
            raise Refused(f"the broker refuses our messages ({refusal}): check its access list")

    def _on_publish(
        self, client: PahoClient, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.is_failure:
            self._refusal = str(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)
