"""A partner's side of the feed, whole: send finished calls, read what is sent back, take handed-over callers.

pip install aiomqtt
python partner_client.py broker.example 8883 12315 PASSWORD
"""

import asyncio
import json
import ssl
import sys
import time
import uuid

import aiomqtt

ROOT = "callrouter/v1"


def call_message(line: str, started: float, answered: float | None, ended: float, outcome: str) -> dict:
    """One finished call. Keep the id: a repetition with the same id has no second effect."""
    data = {"line": line, "started": started, "answered": answered, "ended": ended, "outcome": outcome}
    return {"id": str(uuid.uuid4()), "type": "call", "version": 1, "at": time.time(), "data": data}


async def send(client: aiomqtt.Client, partner: str, messages: asyncio.Queue) -> None:
    while True:
        message = await messages.get()
        # Returns when the broker has it; on an error send the very same message again.
        await client.publish(f"{ROOT}/in/{partner}/calls", json.dumps(message), qos=1)


async def receive(client: aiomqtt.Client, partner: str, seen: set[str]) -> None:
    await client.subscribe(f"{ROOT}/dead-letter/{partner}", qos=1)
    await client.subscribe(f"{ROOT}/lines/{partner}/transfers", qos=1)
    async for message in client.messages:
        envelope = json.loads(message.payload)
        if envelope["id"] in seen:  # at least once means: now and then twice
            continue
        seen.add(envelope["id"])
        sys.stdout.write(f"{envelope['type']} {json.dumps(envelope['data'], ensure_ascii=False)}\n")
        sys.stdout.flush()


async def main(host: str, port: int, partner: str, password: str) -> None:
    messages: asyncio.Queue = asyncio.Queue()
    now = time.time()
    messages.put_nowait(call_message(partner, now - 90, now - 80, now - 5, "answered"))
    messages.put_nowait({"id": "broken", "type": "call", "version": 1, "at": now, "data": {}})
    tls = ssl.create_default_context() if port == 8883 else None
    session = {"protocol": aiomqtt.ProtocolVersion.V5, "username": partner, "password": password}
    async with aiomqtt.Client(host, port, tls_context=tls, **session) as client:
        await asyncio.gather(send(client, partner, messages), receive(client, partner, set()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
