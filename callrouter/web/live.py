"""The live WebSocket: a snapshot first, then changes.

For each screen only the *latest* view of each seat, queue and call that has
changed waits to be sent, so a slow screen costs no more memory than the whole
state and simply skips what is outdated. One that does not take a message within
`WebSettings.live_patience` is disconnected with `TOO_SLOW`.

Messages to the screen: ``{"type": "snapshot" | "change", "at", "seats", "queues",
"calls", "ended"}`` (``ended``: ids of calls that are over or out of sight) and
``{"type": "alive", "at"}`` when nothing else was sent for `ALIVE_EVERY` seconds. A
snapshot, and a change when they are others than before, also have ``notices``: what is
so of the service itself, ``{"kind": "store_away", "since", "reason", "waiting", "lost"}``
(`callrouter.operator_notices`; ``reason`` is empty for who does not oversee).
From the screen: ``{"token": …}``, once, unless the handshake carried it as
``Authorization: Bearer …`` or as subprotocol ``bearer.TOKEN``.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from acd.ids import CallId, QueueId, SeatId
from callrouter.ports import CallView, Change, QueueView, SeatView, Unavailable
from callrouter.web.access import Principal
from callrouter.web.codes import (
    BEARER,
    NO_TOKEN_IN_TIME,
    NOT_SIGNED_IN,
    PROTOCOL,
    TOO_MANY_SCREENS,
    TOO_SLOW,
)
from callrouter.web.context import Context
from callrouter.web.present import live_call_document, notice_document, queue_document, seat_document

ALIVE_EVERY: Final = 15.0

router = APIRouter()


class _Hello(msgspec.Struct, forbid_unknown_fields=True):
    token: str


@dataclass(slots=True)
class _Pending:
    """What has changed since the last message, latest views only."""

    seats: dict[SeatId, SeatView] = field(default_factory=dict)
    queues: dict[QueueId, QueueView] = field(default_factory=dict)
    calls: dict[CallId, CallView] = field(default_factory=dict)
    ended: dict[CallId, None] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        if change.seat is not None:
            self.seats[change.seat.seat] = change.seat
        if change.queue is not None:
            self.queues[change.queue.queue] = change.queue
        if change.call is not None:
            self.calls[change.call.call] = change.call
            self.ended.pop(change.call.call, None)
        if change.ended is not None:
            self.calls.pop(change.ended, None)
            self.ended[change.ended] = None


class Screen:
    """One connected screen: what it has been shown, and what it is to be shown next."""

    def __init__(self, context: Context, principal: Principal) -> None:
        self._context = context
        self._principal = principal
        self._pending = _Pending()
        self._seats: dict[SeatId, SeatView] = {}
        self._shown: set[CallId] = set()
        self._notices_changed = False
        self.changed = asyncio.Event()

    def on_change(self, change: Change) -> None:
        self._pending.add(change)
        self.changed.set()

    def on_notices(self) -> None:
        self._notices_changed = True
        self.changed.set()

    def snapshot(self) -> bytes:
        """The first message. What has changed before it is dropped: it is in the snapshot."""
        self._pending = _Pending()
        self._notices_changed = True
        now = self._context.engine.snapshot()
        whole = _Pending(
            {seat.seat: seat for seat in now.seats},
            {queue.queue: queue for queue in now.queues},
            {call.call: call for call in now.calls},
        )
        return self._message("snapshot", now.at, whole)

    def next_message(self) -> bytes | None:
        """What has changed in sight of this screen; None: nothing."""
        pending, self._pending = self._pending, _Pending()
        self.changed.clear()
        message = self._documents(pending)
        if not any(message.values()) and not self._notices_changed:
            return None
        return self._encoded("change", self._context.clock.now(), message)

    def _message(self, kind: str, at: float, pending: _Pending) -> bytes:
        return self._encoded(kind, at, self._documents(pending))

    def _notices(self) -> dict[str, list[Any]]:
        """For a message; nothing while they are as they were."""
        if not self._notices_changed:
            return {}
        self._notices_changed = False
        oversees = self._principal.oversees
        found = self._context.settings.notices.current()
        return {"notices": [notice_document(one, oversees=oversees) for one in found]}

    def _encoded(self, kind: str, at: float, documents: dict[str, list[Any]]) -> bytes:
        return msgspec.json.encode({"type": kind, "at": at, **documents, **self._notices()})

    def _documents(self, pending: _Pending) -> dict[str, list[Any]]:
        principal = self._principal
        seats = [seat for seat in pending.seats.values() if principal.in_scope(seat.organisation)]
        queues = [queue for queue in pending.queues.values() if principal.in_scope(queue.organisation)]
        self._seats.update((seat.seat, seat) for seat in seats)
        calls, gone = self._calls(pending)
        return {
            "seats": [seat_document(seat) for seat in seats],
            "queues": [queue_document(queue) for queue in queues],
            "calls": calls,
            "ended": gone,
        }

    def _calls(self, pending: _Pending) -> tuple[list[Any], list[CallId]]:
        own = self._principal.own_seats(self._seats.values())
        calls = []
        gone = [call for call in pending.ended if call in self._shown]
        for call in pending.calls.values():
            if self._principal.sees_live(call, own):
                masked = self._principal.masks_live(call, own)
                calls.append(live_call_document(call, masked=masked))
                self._shown.add(call.call)
            elif call.call in self._shown:
                gone.append(call.call)
        self._shown.difference_update(gone)
        return calls, gone


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    context = socket.app.state.context
    screens: Screens = socket.app.state.screens
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    with suppress(WebSocketDisconnect, RuntimeError):
        if not screens.room():
            await socket.close(TOO_MANY_SCREENS, "too many screens are connected")
            return
        token = _token_of_handshake(socket) or await _token_of_message(socket, context)
        principal = await _principal(context, token) if token is not None else None
        if principal is None:
            code = NO_TOKEN_IN_TIME if token is None else NOT_SIGNED_IN
            await socket.close(code, "no token came in time" if token is None else "sign in again")
            return
        if not screens.room():  # many may have been let in until they said who they are
            await socket.close(TOO_MANY_SCREENS, "too many screens are connected")
            return
        await screens.serve(socket, principal, token or "")


def _token_of_handshake(socket: WebSocket) -> str | None:
    kind, _, token = socket.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token
    for protocol in socket.scope.get("subprotocols", []):
        if protocol.startswith(BEARER):
            return str(protocol.removeprefix(BEARER))
    return None


async def _token_of_message(socket: WebSocket, context: Context) -> str | None:
    try:
        async with asyncio.timeout(context.settings.token_patience):
            text = await socket.receive_text()
    except TimeoutError:
        return None
    except KeyError:  # a binary message
        return ""
    try:
        return msgspec.json.decode(text, type=_Hello).token
    except msgspec.DecodeError:
        return ""


async def _principal(context: Context, token: str) -> Principal | None:
    try:
        return await context.principal(token)
    except Unavailable:
        return None


class Screens:
    """All connected screens."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._screens: set[Screen] = set()
        self._ends: tuple[Callable[[], None], ...] = ()

    @property
    def count(self) -> int:
        return len(self._screens)

    def room(self) -> bool:
        return self.count < self._context.settings.live_limit

    async def serve(self, socket: WebSocket, principal: Principal, token: str) -> None:
        """Feed one screen until it leaves, its token ends, or it proves too slow."""
        screen = Screen(self._context, principal)
        self._add(screen)
        if principal.sees_numbers:
            self._context.note(principal.user.name, "see_numbers", "live")
        tasks = {
            asyncio.create_task(self._feed(socket, screen, token)),
            asyncio.create_task(_until_gone(socket)),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._remove(screen)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()

    def _add(self, screen: Screen) -> None:
        self._screens.add(screen)
        if not self._ends:
            self._ends = (
                self._context.engine.subscribe(self._on_change),
                self._context.settings.notices.subscribe(self._on_notices),
            )

    def _remove(self, screen: Screen) -> None:
        self._screens.discard(screen)
        if not self._screens:
            for end in self._ends:
                end()
            self._ends = ()

    def _on_change(self, change: Change) -> None:
        for screen in self._screens:
            screen.on_change(change)

    def _on_notices(self) -> None:
        for screen in self._screens:
            screen.on_notices()

    async def _feed(self, socket: WebSocket, screen: Screen, token: str) -> None:
        settings = self._context.settings
        loop = asyncio.get_running_loop()
        recheck_at = loop.time() + settings.recheck
        sent_at = loop.time()
        message: bytes | None = screen.snapshot()
        while True:
            if message is None and loop.time() - sent_at >= ALIVE_EVERY:
                message = msgspec.json.encode({"type": "alive", "at": self._context.clock.now()})
            if message is not None:
                if not await self._send(socket, message):
                    return
                sent_at = loop.time()
            if loop.time() >= recheck_at:
                if await _principal(self._context, token) is None:
                    await _close(socket, NOT_SIGNED_IN, "the token has ended: sign in again")
                    return
                recheck_at = loop.time() + settings.recheck
            message = await self._next(screen, until=min(recheck_at, sent_at + ALIVE_EVERY))

    async def _next(self, screen: Screen, *, until: float) -> bytes | None:
        """The next change, at most one in `live_interval`; None when there is none by `until`."""
        await asyncio.sleep(self._context.settings.live_interval)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await screen.changed.wait()
        return screen.next_message()

    async def _send(self, socket: WebSocket, message: bytes) -> bool:
        try:
            async with asyncio.timeout(self._context.settings.live_patience):
                await socket.send_text(message.decode())
        except TimeoutError:
            await _close(socket, TOO_SLOW, "the screen takes messages too slowly")
            return False
        except (WebSocketDisconnect, RuntimeError):
            return False
        return True


async def _until_gone(socket: WebSocket) -> None:
    """Read and drop whatever the screen says, until it is gone."""
    with suppress(WebSocketDisconnect, RuntimeError):
        while (await socket.receive())["type"] != "websocket.disconnect":
            continue


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(1):
            await socket.close(code, reason)
