"""A flow's wishes about waiting that the floor does not know: how long, what is said, nobody sent away.

The floor has rules for each queue; a `queue` node may have its own. What it
leaves as `ToQueue` has it stays the queue's. With `last_resort` a caller whom
the floor gives back is put in line again, before all others; if that happens
over and over, the flow's growing pauses come between, and music goes on.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from acd import commands as c
from acd import events as e
from acd import skill
from acd.call import Owner
from acd.ids import QueueId, SeatId, Seconds
from acd.leg import Place
from callrouter.flow import actions as f
from callrouter.router import flowside, promises, waiting
from callrouter.router.live import LiveCall

if TYPE_CHECKING:
    from callrouter.router.core import Router

RING_LIMIT: Final[Seconds] = 20.0
"""A seat that rings when the time is over is waited for, at most so long."""

LOOK_AGAIN: Final[Seconds] = 1.0

KEEP_PAUSE: Final[Seconds] = 5.0
"""Callers of the last resort are put in line again at once, but not more often than this."""

FROM_PARTNER: Final = 7
"""Least priority of a caller whom a partner hands to us: they have told their story once."""

CIRCLING: Final = 9

_QUEUES_OWN: Final = f.ToQueue(queue="")


class Served:
    """Which seat spoke with a person last; the latest ones are kept."""

    KEPT: Final = 50_000

    def __init__(self) -> None:
        self._seats: OrderedDict[str, SeatId] = OrderedDict()

    def note(self, identity: str, seat: SeatId) -> None:
        if not identity:
            return
        self._seats[identity] = seat
        self._seats.move_to_end(identity)
        if len(self._seats) > self.KEPT:
            self._seats.popitem(last=False)

    def last(self, identity: str) -> SeatId | None:
        return self._seats.get(identity)


def enqueue(router: Router, live: LiveCall, wish: f.ToQueue) -> None:
    """Hand the caller to a queue."""
    live.tokens.clear()
    live.wish = wish
    live.skills = live.skills or _asked_skills(wish.skills)
    live.waiting_since = router.now
    live.call.music = wish.music
    live.call.mixed = live.call.mixed or (
        wish.queue in router.site.recorded and live.call.recording_allowed is not False
    )
    at_most = router.now + wish.wait_at_most if wish.wait_at_most and not wish.last_resort else None
    router.set_timer(live, "queue_wait", at_most)
    own = _announces_itself(wish) and wish.announce_after > 0
    router.set_timer(live, "announce", router.now + wish.announce_after if own else None)
    live.talk.enqueue(_request(router, live, wish), router.now)


def _asked_skills(source: str) -> str:
    try:
        return " ".join(sorted(skill.names(skill.parse(source))))
    except skill.SkillError:
        return ""  # the floor turns this caller away and says why


def _request(router: Router, live: LiveCall, wish: f.ToQueue, *, first_in_line: bool = False) -> e.Enqueued:
    call = live.call
    queue = QueueId(wish.queue)
    if wish.last_resort and all(plan.queue != queue for plan in router.site.floor.queues):
        # The flow is older than the floor plan: any queue is better than none.
        queue = router.site.floor.queues[0].queue
    if wish.sticky == "last":
        sticky = router.served.last(call.caller_number)
    else:
        sticky = SeatId(wish.sticky) if wish.sticky else None
    return e.Enqueued(
        call=call.id,
        queue=queue,
        skills="" if first_in_line else wish.skills,
        priority=max(wish.priority, CIRCLING if call.circling else FROM_PARTNER if call.context else 0),
        identity=call.caller_number,
        language=wish.language,
        sticky=sticky,
        first_in_line=first_in_line,
        arrived=call.ingress,
        again=first_in_line,
    )


# --- how long -----------------------------------------------------------------------


def wait_over(router: Router, live: LiveCall) -> None:
    """`wait_at_most` has passed; whoever is being rung for may still answer."""
    call, wish = live.call, live.wish
    if call.owner is not Owner.QUEUE or wish is None or call.answered is not None:
        return
    late = router.now - live.waiting_since - wish.wait_at_most
    if live.talk.being_rung and late < RING_LIMIT:
        router.set_timer(live, "queue_wait", router.now + LOOK_AGAIN)
        return
    router.tell_floor(e.CallerLeft(call=call.id, reason="timeout"))
    live.talk.leave_queue(router.now)
    live.callback = None
    flowside.returned(router, live, "queue", "timeout")


def keep(router: Router, live: LiveCall, reason: str) -> bool:
    """The floor gives back a caller of the last resort. False: nothing to keep, the flow has its say."""
    wish = live.wish
    if wish is None or not wish.last_resort or reason == "callback":
        return False
    router.odd("kept_in_queue", live.call.id, reason=reason)
    if router.now - live.kept >= KEEP_PAUSE:
        live.kept = router.now
        live.talk.enqueue(_request(router, live, wish, first_in_line=True), router.now)
    else:
        live.talk.leave_queue(router.now, Place.MUSIC)
        flowside.returned(router, live, "queue", reason)
    return True


# --- what is said -------------------------------------------------------------------


def _announces_itself(wish: f.ToQueue | None) -> bool:
    """The node has other times than usual; else the queue's own rules hold."""
    return wish is not None and not wish.last_resort and _times(wish) != _times(_QUEUES_OWN)


def _times(wish: f.ToQueue) -> tuple[Seconds, Seconds, Seconds]:
    return wish.announce_after, wish.announce_every, wish.callback_after


def announce_due(router: Router, due: c.AnnounceDue) -> None:
    """The floor says that it is time to tell the caller something."""
    live = router.calls.get(due.call)
    if live is not None and not _announces_itself(live.wish):
        _tell(router, live, due.position, due.wait, due.callback)


def announce(router: Router, live: LiveCall) -> None:
    """The flow's own time for an announcement has come."""
    wish = live.wish
    if live.call.owner is not Owner.QUEUE or wish is None:
        return
    floor = router.floor
    wait = floor.estimate(live.call.id)
    expected = wait if wait is not None else router.now - live.waiting_since
    callback = 0 < wish.callback_after < expected
    _tell(router, live, floor.position(live.call.id), wait, callback)
    router.set_timer(live, "announce", router.now + max(wish.announce_every, LOOK_AGAIN))


def _tell(router: Router, live: LiveCall, position: int | None, wait: Seconds | None, callback: bool) -> None:
    router.touch(live)
    media = router.site.waiting(position, wait, live.call.language)
    live.talk.tell(media + waiting.announced(router, live, callback))


# --- a callback booked by the flow ------------------------------------------------------


def book(router: Router, live: LiveCall, wish: f.BookCallback) -> f.LookupDone:
    """File a place in the queue and let a callback take it.

    Where a seat is free this moment nothing is filed: the caller had better be
    led to it now (``person_free``).
    """
    number = promises.plain(wish.number)
    if not promises.DIALLABLE.fullmatch(number):
        return f.LookupDone(wish.token, ok=False, reason="no_number")
    call = live.call
    reason = _file(router, live, wish)
    if not reason:
        before, call.queue = call.queue, QueueId(wish.queue)
        try:
            callback = waiting.promise(router, live, number)
        except e.Refused as refusal:
            call.queue, reason = before, refusal.reason
            router.tell_floor(e.CallerLeft(call=call.id, reason="moved"))
        else:
            return f.LookupDone(wish.token, ok=True, value=str(callback))
    return f.LookupDone(wish.token, ok=False, reason=reason)


def _file(router: Router, live: LiveCall, wish: f.BookCallback) -> str:
    """Join the queue for the instant that a promise needs; ``""``, or why that can't be."""
    call, reason = live.call, ""
    request = e.Enqueued(
        call=call.id,
        queue=QueueId(wish.queue),
        skills=wish.skills,
        priority=wish.priority,
        identity=call.caller_number,
        language=wish.language,
        arrived=call.ingress,
        again=True,
    )
    for output in router.floor.handle(request, router.now):
        if isinstance(output, c.QueueExited):
            reason = output.reason
        elif isinstance(output, c.OfferMade):
            reason = "person_free"
        else:
            router.decided(output)
    if reason == "person_free":
        for output in router.floor.handle(e.CallerLeft(call=call.id, reason="moved"), router.now):
            if not isinstance(output, c.OfferWithdrawn):
                router.decided(output)
    return reason
