"""A real browser, steered over its debugging port on loopback."""

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from callrouter.toolchain import install, locate
from callrouter.toolchain.install import Request
from tests.toolchain.conftest import Listener

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-address=127.0.0.1",
)


class Page:
    """One page; `faults` are what its console complained of."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.faults: list[str] = []

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(20):
            while True:
                message = await self._socket.receive_json()
                if message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                    self.faults.append(json.dumps(message["params"]))
                if message.get("id") == number:
                    assert "error" not in message, message
                    found: dict[str, Any] = message["result"]
                    return found

    async def open(self, url: str) -> None:
        for domain in ("Log", "Runtime", "Page"):
            await self.command(f"{domain}.enable")
        await self.command("Page.navigate", url=url)

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        reply = await self.command(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in reply, reply
        return reply["result"].get("value")

    async def until(self, script: str, seconds: float = 15) -> None:
        """Wait until the expression is true; looked at in each frame."""
        waiting = (
            "new Promise((done, gone) => { const end = Date.now() + %d;"
            " const look = () => (%s) ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 30);"
            " look(); })"
        )
        assert await self.run(waiting % (round(seconds * 1000), script)), script


@asynccontextmanager
async def browser(home: Path) -> AsyncIterator[Page]:
    await asyncio.to_thread(install.install, Request(extra=["chromium"]), Listener())
    program = locate("chromium")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    flags = (*FLAGS, f"--remote-debugging-port={port}", f"--user-data-dir={home}", "about:blank")
    log = (home / "log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *program.command(*flags), env=program.environment(), stdout=log, stderr=log
    )
    try:
        async with aiohttp.ClientSession() as session:
            address = await _page(session, f"http://127.0.0.1:{port}/json")
            async with session.ws_connect(address, max_msg_size=0) as found:
                yield Page(found)
    finally:
        process.terminate()
        await process.wait()
        log.close()


async def _page(session: aiohttp.ClientSession, url: str) -> str:
    """The debugging address of the first page, once the browser answers."""
    async with asyncio.timeout(30):
        while True:
            try:
                async with session.get(url) as reply:
                    pages = await reply.json()
            except aiohttp.ClientError:
                pages = []
            if found := [str(page["webSocketDebuggerUrl"]) for page in pages if page["type"] == "page"]:
                return found[0]
            await asyncio.sleep(0.1)
