"""Keys of a waiting caller: a callback asked for, its number confirmed or entered anew.

    nothing ──callback offered──▶ offered ──1──▶ confirming ──1──▶ promised
                                     └─(number withheld)─▶ entering ◀──2──┘
                                                 └──number──▶ confirming

The caller keeps the place in the queue all the while; an offer takes precedence
over whatever is being said, and with it the question is forgotten.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from acd import events as e
from acd.call import Owner
from acd.ids import CallId
from callrouter.router import promises
from callrouter.router.live import LiveCall

if TYPE_CHECKING:
    from callrouter.router.core import Router

LONGEST: Final = 12


class Asked(StrEnum):
    OFFERED = "offered"
    CONFIRMING = "confirming"
    ENTERING = "entering"


@dataclass(slots=True)
class CallbackTalk:
    """What has been said about a callback so far."""

    asked: Asked
    number: str = ""


def announced(router: Router, live: LiveCall, callback: bool) -> tuple[str, ...]:
    """What to add to an announcement: the offer of a callback, when there may be one."""
    if not callback or live.talk.is_callback:
        return ()
    if live.callback is None:
        live.callback = CallbackTalk(Asked.OFFERED)
    return router.site.media("callback_offer", language=live.call.language)


def key(router: Router, live: LiveCall, digit: str) -> None:
    """One key of somebody who waits. Keys without meaning are let pass."""
    talk = live.callback
    if talk is None or live.call.owner is not Owner.QUEUE:
        return
    if talk.asked is Asked.ENTERING:
        _entering(router, live, talk, digit)
    elif digit == "1" and talk.asked is Asked.CONFIRMING:
        _promise(router, live, talk)
    elif digit == "2" and talk.asked is Asked.CONFIRMING:
        _ask_number(router, live, talk)
    elif digit == "1":
        talk.number = promises.plain(live.call.caller_number)
        if promises.DIALLABLE.fullmatch(talk.number):
            _confirm(router, live, talk)
        else:
            _ask_number(router, live, talk)


def _entering(router: Router, live: LiveCall, talk: CallbackTalk, digit: str) -> None:
    live.talk.hush()
    if digit == "*":
        talk.number = ""
    elif digit.isdecimal() and len(talk.number) < LONGEST:
        talk.number += digit
    if digit == "#" or re.fullmatch(r"1[3-9]\d{9}", talk.number):
        if promises.DIALLABLE.fullmatch(talk.number):
            _confirm(router, live, talk)
        else:
            talk.number = ""
            _say(router, live, "callback_number_invalid")


def _ask_number(router: Router, live: LiveCall, talk: CallbackTalk) -> None:
    talk.asked, talk.number = Asked.ENTERING, ""
    _say(router, live, "callback_enter_number")


def _confirm(router: Router, live: LiveCall, talk: CallbackTalk) -> None:
    talk.asked = Asked.CONFIRMING
    language = live.call.language
    site = router.site
    media = (
        site.media("callback_number_before", language=language)
        + site.spoken("digits", talk.number, language)
        + site.media("callback_number_confirm", language=language)
    )
    live.talk.tell(media, reply=True)


def _promise(router: Router, live: LiveCall, talk: CallbackTalk) -> None:
    live.callback = None
    try:
        promise(router, live, talk.number)
    except e.Refused as refusal:
        router.odd("callback_refused", live.call.id, reason=refusal.reason)
        _say(router, live, "callback_failed")


def promise(router: Router, live: LiveCall, number: str) -> CallId:
    """Let a callback take the caller's place. Raises `Refused`; then the caller waits on."""
    return promises.promise(router, promises.Origin.of(live.call), live.call.id, number)


def _say(router: Router, live: LiveCall, prompt: str) -> None:
    live.talk.tell(router.site.media(prompt, language=live.call.language), reply=True)
