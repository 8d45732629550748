"""A consumer as a partner would write it: takes each message once, whatever is repeated."""

import asyncio
from typing import Any

import aiomqtt
import msgspec
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.feed.broker import USERS


def client(port: int, user: str, **more: Any) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1",
        port,
        username=user,
        password=USERS[user],
        protocol=aiomqtt.ProtocolVersion.V5,
        **more,
    )


class Consumer:
    """Messages by id; repetitions are counted and dropped."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self.topics: dict[str, str] = {}
        self.latest: dict[str, dict[str, Any]] = {}
        """By topic below the root."""
        self.repeated = 0

    async def read(
        self, port: int, topic: str, *, user: str = "callrouter", identifier: str = "consumer"
    ) -> None:
        """Until cancelled; the broker keeps for us what comes while we are away."""
        keep = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        keep.SessionExpiryInterval = 3600
        while True:
            try:
                async with client(
                    port, user, identifier=identifier, clean_start=False, properties=keep
                ) as connected:
                    await connected.subscribe(topic, qos=1)
                    async for message in connected.messages:
                        self._take(message)
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)

    def _take(self, message: aiomqtt.Message) -> None:
        assert isinstance(message.payload, bytes)
        envelope = msgspec.json.decode(message.payload)
        self.repeated += envelope["id"] in self.found
        self.found[envelope["id"]] = envelope
        self.latest[str(message.topic).removeprefix("callrouter/v1/")] = envelope
        self.topics[envelope["id"]] = str(message.topic)
