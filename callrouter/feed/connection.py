"""aiomqtt's client with two things it leaves out: late acknowledgement, and refusals by the broker.

aiomqtt acknowledges a message on arrival and takes any answer to a publication
for success. Here a message is acknowledged when it is safe, and a broker that
refuses (access list, quota) raises: else the outbox would empty into nothing.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final, Self

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

SESSION_SECONDS: Final = 7 * 24 * 3600
"""How long the broker keeps inbound messages for us while we are away."""
IN_FLIGHT: Final = 100
"""Messages at a time without acknowledgement, in either direction."""
LARGEST_PACKET: Final = 256 * 1024
"""Bytes; the broker keeps larger ones from us: with `IN_FLIGHT` it bounds what partners can make us hold."""
AT_A_TIME: Final = 10
"""Messages handed over without a pause: half a millisecond of the loop."""
_SUCCESS: Final = 0
"""paho's code for a message that was taken."""


class Refused(aiomqtt.MqttError):
    """The broker has not taken a message; the text says why."""


def expiring(seconds: int) -> Properties:
    """A message that the broker drops when nobody has fetched it by then."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = seconds
    return properties


def _seen(ended: "asyncio.Future[None]") -> None:
    if not ended.cancelled():
        ended.exception()


class Connection(aiomqtt.Client):
    """MQTT 5 with a persistent session."""

    def __init__(self, host: str, port: int, **options: Any) -> None:
        connect = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        connect.SessionExpiryInterval = SESSION_SECONDS
        connect.ReceiveMaximum = IN_FLIGHT
        connect.MaximumPacketSize = LARGEST_PACKET
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
        self._unconfirmed: set[int] = set()
        self._confirmed = asyncio.Event()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        # A broker that goes while nobody waits for it is found at the next use, not by asyncio's complaint.
        self._disconnected.add_done_callback(_seen)
        return self

    async def publish_all(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publish with QoS 1; returns when the broker has confirmed each.

        For many at once this takes a third of the time that `publish` does. Raises `aiomqtt.MqttError` when
        the connection breaks or the broker refuses, `TimeoutError` when it does not answer.
        """
        self._unconfirmed.clear()
        self._confirmed.clear()
        for place, (topic, payload) in enumerate(messages, 1):
            sent = self._client.publish(topic, payload, qos=1)
            if sent.rc != _SUCCESS:
                raise aiomqtt.MqttCodeError(sent.rc, "could not publish")
            self._unconfirmed.add(sent.mid)
            if place % AT_A_TIME == 0:
                await asyncio.sleep(0)
        while self._unconfirmed and not self._refusal:
            await self._until_confirmed()
        self.check_refusals()

    async def retain_all(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish present states with QoS 0, to be kept by the broker; returns when all are written.

        Raises `aiomqtt.MqttError`.
        """
        for place, (topic, payload) in enumerate(messages[:-1], 1):
            sent = self._client.publish(topic, payload, qos=0, retain=True)
            if sent.rc != _SUCCESS:
                raise aiomqtt.MqttCodeError(sent.rc, "could not publish")
            if place % AT_A_TIME == 0:
                await asyncio.sleep(0)
        for topic, payload in messages[-1:]:
            # In order: when the last is written all are, and a slow broker makes us wait here.
            await self.publish(topic, payload, qos=0, retain=True)

    async def _until_confirmed(self) -> None:
        confirmed = asyncio.ensure_future(self._confirmed.wait())
        either: set[asyncio.Future[Any]] = {confirmed, self._disconnected}
        try:
            done, _ = await asyncio.wait(either, timeout=self.timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            confirmed.cancel()
        self._confirmed.clear()
        if self._disconnected in done:
            raise aiomqtt.MqttError("the connection broke before all was confirmed")
        if not done:
            raise TimeoutError(f"the broker confirmed nothing within {self.timeout:g} s")

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
        if mid in self._unconfirmed:
            self._unconfirmed.remove(mid)
            if not self._unconfirmed or reason_code.is_failure:
                self._confirmed.set()
        super()._on_publish(client, userdata, mid, reason_code, properties)
