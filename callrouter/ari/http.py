"""Requests over HTTP: what may stall or answer at length, so that the event socket never waits for it."""

import re
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from callrouter.ari import models
from callrouter.ari.errors import AriRefused, AriUnsuitable

MINIMUM_VERSION = (22, 10, 1)
"""22.9.0 deadlocks under load; 22.10.1 closes two holes of its REST interface."""

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_T = TypeVar("_T")


def parse_version(text: str) -> tuple[int, int, int]:
    """``22.10.1+dfsg…`` → ``(22, 10, 1)``.

    Raises `AriUnsuitable` for a build that does not say its release
    (``GIT-master-…``) or counts otherwise (``certified-…``).
    """
    match = _VERSION.match(text)
    if match is None:
        raise AriUnsuitable(
            f"Asterisk calls itself {text[:60]!r}: use a numbered release, "
            f"{'.'.join(map(str, MINIMUM_VERSION))} or later"
        )
    return int(match[1]), int(match[2]), int(match[3])


class AriHttp:
    """Few, typed GETs and the event filter. Raises `aiohttp.ClientError`, `TimeoutError` and `AriError`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, app: str) -> None:
        self._session = session
        self._url = url
        self._app = app

    async def version(self) -> str:
        """Asterisk's version. Raises `AriUnsuitable` when it is too old or no Asterisk."""
        info = await self._get("asterisk/info", models.AsteriskInfo)
        text = info.system.version if info.system is not None else ""
        if parse_version(text) < MINIMUM_VERSION:
            needed = ".".join(map(str, MINIMUM_VERSION))
            raise AriUnsuitable(f"Asterisk {text} at {self._url} is too old: install {needed} or later")
        return text

    async def filter_events(self, allowed: Sequence[str]) -> None:
        """The filter lives and dies with the application, hence is set at each connection."""
        body = {"allowed": [{"type": name} for name in allowed]}
        await self._call("PUT", f"applications/{self._app}/eventFilter", msgspec.json.encode(body))

    async def channels(self) -> list[models.Channel]:
        """Live channels that are in our application or were originated for it."""
        ours = set((await self._get(f"applications/{self._app}", models.Application)).channel_ids)
        return [c for c in await self._get("channels", list[models.Channel]) if c.id in ours]

    async def bridges(self) -> list[str]:
        """Bridges made through the REST interface; ours are told by their ids."""
        return [b.id for b in await self._get("bridges", list[models.Bridge]) if b.bridge_class == "stasis"]

    async def exists(self, channel: str) -> bool:
        return await self._there(f"channels/{quote(channel, safe='')}")

    async def plays(self, playback: str) -> bool:
        """The playback has not come to its end."""
        return await self._there(f"playbacks/{quote(playback, safe='')}")

    async def _there(self, path: str) -> bool:
        try:
            await self._call("GET", path)
        except aiohttp.ClientResponseError as error:
            if error.status != 404:
                raise
            return False
        return True

    async def _get(self, path: str, kind: type[_T]) -> _T:
        return msgspec.json.decode(await self._call("GET", path), type=kind)

    async def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/json"} if body else None
        url = f"{self._url}/{path}"
        async with self._session.request(method, url, data=body, headers=headers) as response:
            if response.status in (401, 403):
                raise AriRefused(
                    f"Asterisk at {self._url} refuses our ARI user or password: "
                    "compare the settings with ari.conf"
                )
            response.raise_for_status()
            return await response.read()
