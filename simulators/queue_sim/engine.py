"""Virtual time: drawn callers, the real floor, its seats.

The next thing to happen is the earliest of three: a caller, the floor's own
deadline, or something planned (a hang-up, an answer, a duty change). The floor
decides exactly as it does live; this loop only plays the people and the phones.
A planned thing that has become pointless is recognised and dropped, or told to
the floor all the same where its tables ignore it.
"""

import gc
from heapq import heappop, heappush
from math import inf
from typing import Final

import msgspec
from msgspec import structs

from acd.commands import (
    AnnounceDue,
    CallbackClosed,
    CallbackDial,
    FloorOutput,
    OfferClosed,
    OfferMade,
    QueueChanged,
    QueueExited,
    SeatChanged,
    SeatDropped,
)
from acd.events import (
    CallbackAsked,
    CallbackFailed,
    CallbackReached,
    CallerLeft,
    ContactEnded,
    Enqueued,
    OfferAnswered,
    Refused,
    WrapUpFinished,
)
from acd.floor import Floor
from acd.ids import CallId, Instant, SeatId
from acd.offer import ANSWERED
from simulators.queue_sim.draws import Caller, callers, own_stream
from simulators.queue_sim.duty import Duty
from simulators.queue_sim.tally import Tally
from simulators.queue_sim.world import SLOT, World, one_of
from simulators.workload import stream

_END, _LEAVE, _WRAPPED, _DUTY, _BACK, _REDIAL, _DIALLED = range(7)

DRAIN: Final = 4 * 3600.0
"""Callers of the last day are served for so long after it; who waits even then counts as unfinished."""


class _Later(msgspec.Struct, frozen=True):
    """Something planned that is more than telling the floor; an `_END` of these leaves the call its id."""

    what: int
    subject: str
    other: str
    caller: Caller | None


_Planned = tuple[float, int, ContactEnded | OfferAnswered | _Later]
"""When, number (breaks ties), what."""


class Simulation:
    """One replication of one world: `advance` until `done`, then read `tally`."""

    def __init__(self, world: World, seed: int, replication: int) -> None:
        """Raises ValueError when the floor's plan contradicts itself."""
        self.world = world
        self.now: Instant = 0.0
        self.done = False
        self.tally = Tally(world)
        self._seed = seed
        self._floor = Floor(world.plan, 0.0)
        self._handle = self._floor.handle
        self._duty = Duty(world, self._floor)
        self._rows = callers(world, seed, replication)
        self._row = next(self._rows, None)
        self._count = 0
        self._planned: list[_Planned] = []
        self._waiting: dict[CallId, Caller] = {}
        """Callers and callbacks whom nobody has answered yet."""
        self._free_ids: list[CallId] = []
        self._ids = 0
        self._visits: list[dict[CallId, Enqueued]] = [{} for _ in world.kinds]
        """Facts by kind and id, made once."""
        self._shy: set[CallId] = set()
        """Whom a seat has let go: how the next one answers is drawn anew."""
        self._callbacks: dict[CallId, Caller] = {}
        self._by_hand = world.manners.wrap_up is not None
        self._talking: dict[SeatId, Caller] = {}
        """Who talks with the seat; kept only while wrap-ups are ended by hand."""
        self._wrapping: dict[str, int] = {}
        self._populations = [population for population in world.populations for _ in population.kinds]
        self._recognised = [bool(pop.redial or pop.callbacks) for pop in self._populations]
        # What two of three changes append, without a call for each.
        self._changes, self._marks = self.tally.changes, self.tally.marks
        self._plan_duty(0)

    # --- time

    def advance(self, until: Instant) -> None:
        """Let everything happen up to `until`, or to the end."""
        end = self.world.length + DRAIN
        gc.disable()  # millions of short-lived records, no cycles among them
        try:
            self.done = self._run(min(until, end)) or until >= end
        finally:
            gc.enable()
        if self.done:
            waiting = [caller for call, caller in self._waiting.items() if call not in self._callbacks]
            self.tally.unfinished(waiting, self.now)
            self.tally.seats_until(max(self.now, self.world.length))
        self.tally.fold()

    def _run(self, until: Instant) -> bool:
        """Whether nothing is left to happen."""
        planned, rows, row = self._planned, self._rows, self._row
        handle, tick, deadline = self._floor.handle, self._floor.tick, self._floor.next_deadline
        take_in, arrive, free_ids = self._take_in, self._arrive, self._free_ids
        while True:
            now = inf if row is None else row.at
            first = planned[0][0] if planned else inf
            due = deadline()
            if due is not None and due <= now and due <= first:
                if due > until:
                    break
                self.now = due
                take_in(tick(due), due)
            elif row is not None and now <= first:
                if now > until:
                    break
                self.now = now
                arrive(row, now)
                row = next(rows, None)
            elif first <= until and first < inf:
                self.now = first
                _, number, what = heappop(planned)
                if isinstance(what, _Later):
                    self._happen(what, number, first)
                else:
                    take_in(handle(what, first), first)
                    if type(what) is ContactEnded:
                        free_ids.append(what.call)
            else:
                now = first
                break
        self._row = row
        return now == inf

    def _plan(
        self, when: Instant, what: int, subject: str = "", other: str = "", caller: Caller | None = None
    ) -> None:
        self._count += 1
        heappush(self._planned, (when, self._count, _Later(what, subject, other, caller)))

    def _tell(self, when: Instant, event: ContactEnded | OfferAnswered) -> None:
        """Plan that the floor is told."""
        self._count = count = self._count + 1
        heappush(self._planned, (when, count, event))

    def _happen(self, planned: _Later, number: int, now: Instant) -> None:
        what, subject, caller = planned.what, planned.subject, planned.caller
        handle = self._floor.handle
        if what == _LEAVE:
            if caller is not None and self._waiting.get(CallId(subject)) is caller:
                self._lose_patience(CallId(subject), caller, now)
        elif what == _WRAPPED:
            if self._wrapping.get(subject) == number:
                self._take_in(handle(WrapUpFinished(seat=SeatId(subject)), now), now)
        elif what == _REDIAL and caller is not None:
            self._arrive(caller, now)
        elif what == _DUTY:
            slot = int(now // SLOT)
            self._take_in(self._duty.change(slot, now), now)
            self._plan_duty(slot + 1)
        elif what == _BACK:
            self._take_in(self._duty.back(SeatId(subject), now), now)
        elif what == _DIALLED:
            self._dialled(CallId(subject), SeatId(planned.other), now)
        elif what == _END:
            self._take_in(handle(ContactEnded(seat=SeatId(subject), call=CallId(planned.other)), now), now)

    def _plan_duty(self, slot: int) -> None:
        change = self._duty.next_change(slot)
        if change is not None:
            self._plan(change * SLOT, _DUTY)

    # --- callers

    def _arrive(self, caller: Caller, now: Instant) -> None:
        index = caller.kind
        event = self._recognised_visit(caller) if self._recognised[index] else self._visit(index)
        call = event.call
        self._waiting[call] = caller
        self._take_in(self._handle(event, now), now)
        patience = caller.patience
        if patience < inf and call in self._waiting:
            self._plan(now + patience, _LEAVE, call, caller=caller)

    def _visit(self, kind: int) -> Enqueued:
        """Ids of conversations that are over are used again, and so are the facts made of them."""
        ids = self._free_ids
        if ids:
            call = ids.pop()
        else:
            self._ids += 1
            call = CallId(f"c{self._ids}")
        known = self._visits[kind]
        event = known.get(call)
        if event is None:
            asks = self.world.kinds[kind]
            event = known[call] = Enqueued(
                call=call,
                queue=asks.queue,
                skills=asks.skills,
                priority=asks.priority,
                language=asks.language,
            )
        return event

    def _recognised_visit(self, caller: Caller) -> Enqueued:
        """Of somebody who may call again, or be called back: known by number."""
        asks = self.world.kinds[caller.kind]
        person = str(caller.number)
        return Enqueued(
            call=CallId(person if caller.attempt == 1 else f"{person}/{caller.attempt}"),
            queue=asks.queue,
            skills=asks.skills,
            priority=asks.priority,
            identity=person,
            language=asks.language,
        )

    def _lose_patience(self, call: CallId, caller: Caller, now: Instant) -> None:
        del self._waiting[call]
        self._shy.discard(call)
        outputs = self._floor.handle(CallerLeft(call=call), now)
        self.tally.abandoned(caller, now, ringing=any(isinstance(output, OfferClosed) for output in outputs))
        self._take_in(outputs, now)
        self._perhaps_redial(caller, now)

    def _perhaps_redial(self, caller: Caller, now: Instant) -> None:
        redial = self._populations[caller.kind].redial
        if redial is None or caller.attempt > redial.at_most:
            return
        dice = own_stream(self._seed, caller, "redial")
        if dice.random() >= redial.chance:
            return
        at = now + one_of(redial.after, dice)
        if at >= self.world.length:
            return
        patience = self.world.kinds[caller.kind].patience
        again = structs.replace(
            caller, at=at, attempt=caller.attempt + 1, patience=one_of(patience, dice), flow=0.0
        )
        self._plan(at, _REDIAL, caller=again)

    # --- what the floor says

    def _take_in(self, outputs: list[FloorOutput], now: Instant) -> None:
        for output in outputs:
            # The most frequent first; `type(…) is` because this is asked a dozen times a call.
            if type(output) is SeatChanged:
                state = output.state
                if state == "reserved" or state == "ready":
                    self._changes += (self._marks[state][output.seat], now)
                    if self._by_hand:
                        self._wrapping.pop(output.seat, None)
                elif state != "talking":
                    self._seat_pauses(output, now)
            elif type(output) is QueueChanged:
                continue
            elif type(output) is OfferMade:
                self._offered(output, now)
            elif type(output) is OfferClosed:
                self._offer_closed(output, now)
            else:
                self._rare(output, now)

    def _offered(self, offer: OfferMade, now: Instant) -> None:
        """The seat's phone rings."""
        call = offer.call
        caller = self._waiting.get(call)
        if caller is None:
            return  # of several seats that rang at once another has answered at once
        ring = caller.ring
        if call in self._shy or call in self._callbacks:
            ring = self._ring_anew(caller, offer)
        if ring <= 0:
            self._take_in(self._handle(OfferAnswered(offer=offer.offer), now), now)
        elif ring < inf:
            self._tell(now + ring, OfferAnswered(offer=offer.offer))

    def _ring_anew(self, caller: Caller, offer: OfferMade) -> float:
        manners = self.world.manners
        dice = own_stream(self._seed, caller, offer.seat)
        return inf if dice.random() < manners.never else one_of(manners.ring, dice)

    def _offer_closed(self, offer: OfferClosed, now: Instant) -> None:
        if offer.outcome != ANSWERED:
            self._shy.add(offer.call)
            return
        call, seat = offer.call, offer.seat
        caller = self._waiting.pop(call)
        self._shy.discard(call)
        if self._by_hand:
            self._talking[seat] = caller
        if call not in self._callbacks:
            self.tally.answered(caller, now)
            if self._recognised[caller.kind]:
                self._plan(now + caller.talk, _END, seat, call)
            else:
                self._tell(now + caller.talk, ContactEnded(seat=seat, call=call))

    def _seat_pauses(self, change: SeatChanged, now: Instant) -> None:
        self.tally.seat_changed(change.seat, change.state, now)
        if change.state != "wrap_up":
            self._wrapping.pop(change.seat, None)
            if change.state == "not_ready" and change.reason in ("rona", "declined"):
                dice = stream(self._seed, "back", change.seat, int(now))
                wait = one_of(self.world.manners.back_after, dice)
                self._plan(now + wait, _BACK, change.seat)
        elif self._by_hand:
            # Never wrong about a later wrap-up: the number of the plan tells them apart.
            self._plan(now + self._talking[change.seat].wrap_up, _WRAPPED, change.seat)
            self._wrapping[change.seat] = self._count

    def _rare(self, output: FloorOutput, now: Instant) -> None:
        if isinstance(output, QueueExited):
            caller = self._waiting.pop(output.call, None)
            self._shy.discard(output.call)
            if caller is not None and output.reason != "callback":
                self.tally.sent_away(caller, output.reason, now)
                self._perhaps_redial(caller, now)
        elif isinstance(output, AnnounceDue):
            if output.callback:
                self._offer_callback(output.call, now)
        elif isinstance(output, CallbackDial):
            self._dial(output, now)
        elif isinstance(output, CallbackClosed):
            caller = self._callbacks.pop(output.call)
            self._waiting.pop(output.call, None)
            self.tally.callback_closed(caller, output)
        elif isinstance(output, SeatDropped):
            self.tally.cut_off += 1
            # Its natural end comes later, finds the conversation over, and frees the id.
            self._plan(now, _END, output.seat, output.call)

    # --- callbacks

    def _offer_callback(self, call: CallId, now: Instant) -> None:
        caller = self._waiting[call]
        wish = self._populations[caller.kind].callbacks
        if wish is None or own_stream(self._seed, caller, "callback").random() >= wish.chance:
            return
        callback = CallId(f"{call}b")
        self._callbacks[callback] = self._waiting[callback] = caller
        event = CallbackAsked(call=call, callback=callback, number=str(caller.number)[-15:])
        try:
            outputs = self._floor.handle(event, now)
        except Refused:
            # The list is full, or a seat is ringing just now: the caller goes on waiting.
            del self._callbacks[callback], self._waiting[callback]
            return
        self.tally.promised(caller, now)
        self._take_in(outputs, now)

    def _dial(self, dial: CallbackDial, now: Instant) -> None:
        caller = self._callbacks[dial.call]
        wish = self._populations[caller.kind].callbacks
        if wish is None:
            raise AssertionError("a callback was dialled for a population without callbacks")
        dice = own_stream(self._seed, caller, f"dial {dial.attempt}")
        reached = dice.random() < wish.reached
        self._waiting[dial.call] = caller
        rings = one_of(wish.ring, dice)
        self._plan(now + rings, _DIALLED, dial.call, dial.seat if reached else "")

    def _dialled(self, call: CallId, seat: SeatId, now: Instant) -> None:
        """The person has answered the seat's call, or (`seat` empty) has not."""
        caller = self._callbacks.get(call)
        if caller is None:
            return
        if not seat:
            self._take_in(self._floor.handle(CallbackFailed(call=call, cause="no_answer"), now), now)
        else:
            self._take_in(self._floor.handle(CallbackReached(call=call), now), now)
            self._plan(now + caller.talk, _END, seat, call)
