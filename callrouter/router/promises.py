"""Callbacks to come: what is kept of the call in which each was promised.

A callback is dialled long after its first call has ended; so is one promised to
somebody who hung up while waiting (漏接回拨). Only what the later call is made
from is kept, not the call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from acd import events as e
from acd.call import Call
from acd.ids import CallId, ChannelId, Instant, NodeId, QueueId
from callrouter.privacy import is_of

if TYPE_CHECKING:
    from acd.callback import MissedCall
    from callrouter.router.core import Router

DIALLABLE: Final = re.compile(r"1[3-9]\d{9}|0\d{9,11}|[2-9]\d{6,7}")
"""A mobile number, a fixed one with its area code, or one of the own area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a callback needs to know of the call before it."""

    node: NodeId
    dialled: str
    caller: str
    trunk: str
    display: str
    organisation: str
    language: str
    queue: QueueId | None

    @classmethod
    def of(cls, call: Call) -> Origin:
        return cls(
            node=call.node,
            dialled=call.dialled,
            caller=call.caller_number,
            trunk=call.trunk,
            display=call.display,
            organisation=call.organisation,
            language=call.language,
            queue=call.queue,
        )

    def call(self, callback: CallId, now: Instant) -> Call:
        """The call of the callback, its caller not there yet."""
        call = Call(
            call=callback,
            node=self.node,
            channel=ChannelId(f"cr-{callback}-0"),
            dialled=self.dialled,
            caller=self.caller,
            trunk=self.trunk,
            display=self.display,
            now=now,
        )
        call.organisation, call.language, call.queue = self.organisation, self.language, self.queue
        return call


class Promises(dict[CallId, Origin]):
    """Origins by callback; and by call of those who hung up while they waited."""

    def __init__(self) -> None:
        super().__init__()
        self.missed: dict[CallId, Origin] = {}
        self.made = 0
        """So many ids have been given."""

    def next_id(self, call: CallId) -> CallId:
        self.made += 1
        return CallId(f"{call}-c{self.made}")

    def remember(self, call: Call, limit: int) -> None:
        """Somebody hung up while waiting; at most `limit` are kept, the oldest go first."""
        self.missed[call.id] = Origin.of(call)
        while len(self.missed) > limit:
            del self.missed[next(iter(self.missed))]


def promise(router: Router, origin: Origin, call: CallId, number: str) -> CallId:
    """Let a callback take the place of `call`. Raises `Refused`; then nothing has changed."""
    callback = router.promised.next_id(call)
    ask(router, e.CallbackAsked(call=call, callback=callback, number=number), origin)
    return callback


def ask(router: Router, event: e.CallbackAsked, origin: Origin) -> None:
    router.promised[event.callback] = origin
    try:
        router.ask_floor(event)
    except e.Refused:
        del router.promised[event.callback]
        raise


def wish(router: Router, call: CallId) -> e.CallbackAsked:
    """The event that promises a callback for a missed call. Raises `Refused`."""
    origin = router.promised.missed.get(call)
    if origin is None or not any(missed.call == call for missed in router.floor.missed()):
        raise e.Refused("unknown_call", "This call is not on the list of missed calls: see it again.")
    number = plain(origin.caller)
    if not DIALLABLE.fullmatch(number):
        raise e.Refused("no_number", "The caller's number was withheld or cannot be dialled.")
    return e.CallbackAsked(call=call, callback=router.promised.next_id(call), number=number)


def callback_asked(router: Router, event: e.CallbackAsked) -> None:
    """A supervisor wants a missed call to be called back."""
    origin = router.promised.missed.get(event.call)
    if origin is None:
        raise e.Refused("unknown_call", "This call is not on the list of missed calls: see it again.")
    ask(router, event, origin)
    router.promised.missed.pop(event.call, None)


def callback_cancelled(router: Router, event: e.CallbackCancelled) -> None:
    """A supervisor takes a callback back."""
    router.ask_floor(event)


def missed_forgotten(router: Router, event: e.MissedForgotten) -> None:
    """A caller who hung up is to be forgotten."""
    router.promised.missed.pop(event.call, None)
    router.ask_floor(event)


def of_person(router: Router, digits: str) -> tuple[list[CallId], list[CallId]]:
    """Callbacks promised to a person, and calls that the person gave up waiting in.

    `digits`: see `callrouter.privacy.national`.
    """
    callbacks = []
    for status in router.floor.callbacks():
        origin = router.promised.get(status.callback)
        if is_of(status.number, digits) or (origin is not None and is_of(origin.caller, digits)):
            callbacks.append(status.callback)
    given_up = {one.call for one in router.floor.missed() if is_of(one.identity, digits)}
    given_up.update(call for call, origin in router.promised.missed.items() if is_of(origin.caller, digits))
    return callbacks, sorted(given_up)


def missed(router: Router) -> Iterator[tuple[MissedCall, Origin]]:
    """Who hung up while waiting and has not been spoken to since, oldest first."""
    for found in router.floor.missed():
        origin = router.promised.missed.get(found.call)
        if origin is not None:
            yield found, origin


def plain(number: str) -> str:
    """A number as it is dialled at home."""
    return number.removeprefix("+86")
