"""Phones' audio as the tests ask for it; the packets are in a process of their own (`sound_process`)."""

import asyncio
import itertools
import json
import socket
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from callrouter.toolchain.music import alaw_table
from simulators.audio import FRAME, RATE
from tests.asterisk.transfer_proof.sound_process import MESSAGE_LIMIT

_ALAW: Final = alaw_table()
ANSWER_SECONDS: Final = 60.0


def alaw_frame(hertz: int) -> bytes:
    """20 ms of a tone as A-law. Raises ValueError unless `hertz` is a multiple of 50."""
    if hertz % 50:
        raise ValueError(f"{hertz} Hz does not fit a 20 ms frame: use a multiple of 50")
    instants = np.arange(FRAME) / RATE
    samples = (8000 * np.sin(2 * np.pi * hertz * instants)).astype(np.int16).view(np.uint16)
    return _ALAW[samples].tobytes()


@dataclass(frozen=True, slots=True)
class Heard:
    """What one call sounded like at one phone."""

    story: tuple[frozenset[str], ...]
    silence: float
    """The longest, in seconds."""


class SoundProcess:
    """The parent's end of the connection."""

    def __init__(self) -> None:
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        module = "tests.asterisk.transfer_proof.sound_process"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )
        self._questions: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._serial = itertools.count(1)
        asyncio.get_running_loop().add_reader(self._link, self._answered)

    def tell(self, op: str, ports: Collection[int] = (), **details: Any) -> None:
        """Order something; after `close` nobody is there (a phone may end later than the sound)."""
        if self._link.fileno() >= 0:
            socket.send_fds(self._link, [json.dumps({"op": op, **details}).encode()], list(ports))

    async def ask(self, op: str, **details: Any) -> dict[str, Any]:
        question = next(self._serial)
        answer = self._questions[question] = asyncio.get_running_loop().create_future()
        self.tell(op, question=question, **details)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        finally:
            del self._questions[question]

    def _answered(self) -> None:
        data = self._link.recv(MESSAGE_LIMIT)
        if not data:
            asyncio.get_running_loop().remove_reader(self._link)
            return
        reply = json.loads(data)
        if (question := self._questions.get(reply["question"])) is not None and not question.done():
            question.set_result(reply)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._link)
        self._link.close()
        self._process.wait(10)


class Ear:
    """One phone's RTP port: `peer` is where to speak to."""

    _serial = itertools.count(1)

    def __init__(self, sound: SoundProcess) -> None:
        self._sound = sound
        self._phone = next(Ear._serial)
        self.peer: tuple[str, int] | None = None
        self.port = 0

    def open(self, address: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
            rtp.bind((address, 0))
            self.port = rtp.getsockname()[1]
            self._sound.tell("open", [rtp.fileno()], phone=self._phone)

    def close(self) -> None:
        self._sound.tell("close", phone=self._phone)

    def begin(self, call: str) -> None:
        """A call begins, spoken to where the description of media said; `heard` asks for it by this name."""
        assert self.peer is not None, "nobody has said yet where to speak to"
        self._sound.tell("call", phone=self._phone, name=call, peer=self.peer)

    def speak(self, hertz: float) -> None:
        """A tone until `pause` or `quiet`."""
        self._sound.tell("speak", phone=self._phone, frame=alaw_frame(int(hertz)).hex())

    def pause(self) -> None:
        """Silence, in one packet a second: the call goes on."""
        self._sound.tell("quiet", phone=self._phone)

    def quiet(self) -> None:
        """The call is over: nothing more is sent."""
        self._sound.tell("over", phone=self._phone)

    async def hears(
        self, wanted: Collection[str], tones: Mapping[str, float], within: float
    ) -> tuple[bool, list[str] | None]:
        """Whether half a second of just these voices comes within a time; else what is heard then instead."""
        told = await self._sound.ask(
            "hear", phone=self._phone, wanted=sorted(wanted), tones=dict(tones), within=within
        )
        return told["right"], told["heard"]

    async def heard(self, call: str, tones: Mapping[str, float]) -> Heard:
        told = await self._sound.ask("story", phone=self._phone, name=call, tones=dict(tones))
        return Heard(tuple(frozenset(who) for who in told["story"]), told["silence"])
