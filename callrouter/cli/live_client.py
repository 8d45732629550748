"""A screen's side of the live WebSocket: signs in, connects, connects again."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from callrouter.web.codes import NOT_SIGNED_IN

CONNECT_TIMEOUT: Final = 5.0
SILENCE: Final = 40.0
"""Seconds without any message after which the connection counts as dead: the server speaks every 15."""
BACK_OFF: Final = (0.5, 1.0, 2.0, 5.0)

Message = dict[str, Any]


class NotAllowed(Exception):
    """Signing in again would not help; the text says what would."""


class Unreachable(Exception):
    """The server is not there now, or cannot do it."""


class NotFound(Unreachable):
    """It knows of no such thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A token, or a user and password to get one."""

    token: str = ""
    user: str = ""
    password: str = ""


class LiveClient:
    """The stream of one server's live messages."""

    def __init__(self, url: str, login: Login) -> None:
        self.url = url.rstrip("/")
        self._login = login
        self._token = login.token

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Messages of one connection, the snapshot first; ends when the server closes it.

        Raises `Unreachable` or `NotAllowed`.
        """
        timeout = aiohttp.ClientTimeout(total=CONNECT_TIMEOUT)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                if not self._token:
                    self._token = await self._sign_in(session)
                async with aclosing(self._connected(session)) as connected:
                    async for message in connected:
                        yield message
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{self.url} does not answer ({type(error).__name__})") from error

    async def get(self, path: str) -> dict[str, Any]:
        """One document of the API. Raises `Unreachable` or `NotAllowed`."""
        try:
            answer = json.loads(await self.ask("GET", path))
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Unreachable(f"{self.url} does not answer like a callrouter: is the address right?")
        return answer

    async def warnings(self) -> list[str]:
        """What the operator ought to know, by `/readyz`; empty when all is well or nobody answers."""
        timeout = aiohttp.ClientTimeout(total=CONNECT_TIMEOUT)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self.url}/readyz") as reply,
            ):
                answer = await reply.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return []
        if not isinstance(answer, dict):
            return []
        found = [answer.get(name, []) for name in ("problems", "warnings")]
        return [str(text) for texts in found if isinstance(texts, list) for text in texts]

    async def ask(self, method: str, path: str, body: object = None) -> bytes:
        """What the API answers to one request. Raises `Unreachable` or `NotAllowed`."""
        timeout = aiohttp.ClientTimeout(total=CONNECT_TIMEOUT)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                if not self._token:
                    self._token = await self._sign_in(session)
                headers = {"Authorization": f"Bearer {self._token}"}
                url = f"{self.url}/api/v1{path}"
                async with session.request(method, url, headers=headers, json=body) as reply:
                    if reply.status < 300:
                        return await reply.read()
                    answer = await reply.json(content_type=None)
                    detail = answer.get("detail", "") if isinstance(answer, dict) else ""
                    if reply.status in (401, 403):
                        raise NotAllowed(f"{self.url}: {detail}")
                    kind = NotFound if reply.status == 404 else Unreachable
                    raise kind(f"{self.url}: {detail or reply.status}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"{self.url} does not answer ({type(error).__name__})") from error

    async def _sign_in(self, session: aiohttp.ClientSession) -> str:
        body = {"user": self._login.user, "password": self._login.password}
        async with session.post(f"{self.url}/api/v1/sign-in", json=body) as reply:
            answer = await reply.json(content_type=None)
            if reply.status == 200:
                return str(answer["token"])
            detail = answer.get("detail", "") if isinstance(answer, dict) else ""
            if reply.status in (401, 422):
                raise NotAllowed(f"{self.url} does not let {self._login.user!r} in: {detail}")
            raise Unreachable(f"{self.url}: {detail or reply.status}")

    async def _connected(self, session: aiohttp.ClientSession) -> AsyncGenerator[Message, None]:
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"{self.url}/api/v1/live"
        async with session.ws_connect(url, headers=headers, max_msg_size=64 * 1024 * 1024) as socket:
            while True:
                found = await socket.receive(timeout=SILENCE)
                if found.type is not aiohttp.WSMsgType.TEXT:
                    break
                message = json.loads(found.data)
                if message["type"] != "alive":
                    yield message
            if socket.close_code == NOT_SIGNED_IN:
                self._token = ""
                if not self._login.user:
                    raise NotAllowed("the token is unknown, expired or revoked: get a new one")

    async def forever(self, lost: Callable[[str, float], None]) -> AsyncGenerator[Message, None]:
        """All messages over as many connections as it takes.

        `lost` is told the reason of each loss and the seconds until the next try. Raises `NotAllowed`.
        """
        tries = 0
        while True:
            reason = "the server has closed the connection"
            try:
                async with aclosing(self.messages()) as messages:
                    async for message in messages:
                        tries = 0
                        yield message
            except Unreachable as error:
                reason = str(error)
            pause = BACK_OFF[min(tries, len(BACK_OFF) - 1)]
            tries += 1
            lost(reason, pause)
            await asyncio.sleep(pause)
