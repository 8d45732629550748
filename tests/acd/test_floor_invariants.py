"""Any order of facts, wishes, time and plan edits: what must hold after every single step.

After each run the whole log is replayed on a fresh floor: same outputs, byte for byte.
"""

from dataclasses import replace
from typing import Any, cast

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from acd import events as e
from acd.agent import AT_WORK, STATES, TRANSITIONS, Refusal, Seat, State
from acd.commands import (
    CallbackClosed,
    CallbackOpened,
    FloorOutput,
    OfferClosed,
    OfferMade,
    OfferWithdrawn,
    QueueExited,
    SeatChanged,
)
from acd.floor import Floor
from acd.ids import AgentId, CallId, OfferId, QueueId, SeatId
from acd.plan import FloorPlan, Membership, OverflowRung, QueuePlan, RelaxationStep, SeatPlan
from acd.queue import INFINITE, Entry
from acd.skill import relax, satisfied
from acd.strategy import STRATEGIES
from callrouter.floor_log.lines import read_snapshot, write_snapshot

SKILLS = ("zh", "bo", "law")
QUEUES = (QueueId("q0"), QueueId("q1"), QueueId("q2"))
SEATS = tuple(SeatId(f"s{n}") for n in range(5))
DEMANDS = ("", "zh", "bo>=3", "bo>=2 & law", "zh | law>=4", "!zh", "nobody-has-this")
PEOPLE = ("", "", "ann", "bob")

skills = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5))
seat_plans = st.builds(
    SeatPlan,
    seat=st.just(SeatId("?")),
    skills=skills,
    queues=st.lists(st.sampled_from(QUEUES), min_size=1, max_size=3, unique=True).flatmap(
        lambda queues: st.tuples(
            *(st.builds(Membership, queue=st.just(q), tier=st.integers(1, 2)) for q in queues)
        )
    ),
)
steps = st.lists(
    st.builds(
        RelaxationStep,
        after=st.sampled_from([5.0, 15.0, 40.0]),
        drop=st.sampled_from([(), ("law",), ("zh", "bo")]),
        lower=st.integers(0, 2),
        tiers=st.sampled_from([None, 2]),
    ),
    max_size=2,
    unique_by=lambda step: step.after,
).map(lambda found: tuple(sorted(found, key=lambda step: step.after)))
rungs = st.lists(
    st.builds(
        OverflowRung,
        queue=st.sampled_from(QUEUES),
        after=st.sampled_from([None, 10.0]),
        length=st.sampled_from([None, 2]),
        expected_wait=st.sampled_from([None, 30.0]),
        unstaffed=st.booleans(),
    ),
    max_size=2,
).map(tuple)


def queue_plan(queue: QueueId) -> st.SearchStrategy[QueuePlan]:
    return st.builds(
        QueuePlan,
        queue=st.just(queue),
        strategy=st.sampled_from(sorted(STRATEGIES)),
        ring_for=st.sampled_from([5.0, 15.0]),
        ring_count=st.integers(1, 3),
        rona_after=st.integers(1, 3),
        wrap_up=st.sampled_from([0.0, 10.0]),
        max_waiting=st.sampled_from([3, 50]),
        max_wait=st.sampled_from([60.0, 300.0]),
        unstaffed_exit=st.sampled_from([None, 0.0, 20.0]),
        weight=st.sampled_from([1.0, 1.0, 2.5]),
        relaxation=steps,
        tiers=st.sampled_from([None, 1]),
        overflow=rungs,
    )


plans = st.builds(
    FloorPlan,
    seats=st.tuples(*(seat_plans for _ in SEATS)).map(
        lambda found: tuple(replace(plan, seat=seat) for plan, seat in zip(found, SEATS, strict=True))
    ),
    queues=st.tuples(*(queue_plan(queue) for queue in QUEUES)),
    priority_step=st.sampled_from([0.0, 60.0]),
    callback_retry=st.just(30.0),
    callback_expiry=st.just(400.0),
)


def in_line(entry: Entry) -> bool:
    """Counted among those who wait: in a row, or held back while their Asterisk is out of reach."""
    return entry.filed is not None or not entry.reachable


class FloorMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.calls = 0
        self.last_states: dict[SeatId, State] = {}
        self.one_step = True
        """The outputs at hand come from one event, not from several things due at once."""
        self.enqueued: dict[CallId, e.Enqueued] = {}
        self.known_offers: list[OfferId] = []
        self.closed_callbacks: list[CallId] = []
        self.opened_callbacks: list[CallId] = []
        self.log: list[tuple[Any, float, str]] = []

    @initialize(plan=plans)
    def open(self, plan: FloorPlan) -> None:
        self.first_plan = self.plan = plan
        self.floor = Floor(plan, self.now)
        self.state = self.floor._state
        for seat in SEATS:
            self.handle(e.SeatReachable(seat=seat))
            self.handle(e.SeatSignedIn(seat=seat, agent=AgentId(f"agent-{seat}")))
            self.handle(e.SeatReadied(seat=seat))

    # --- doing

    def handle(self, event: Any) -> list[FloorOutput]:
        before = self.picture()
        self.one_step = True
        try:
            out = self.floor.handle(event, self.now)
        except e.Refused as refusal:
            assert self.picture() == before, f"{event} was refused but changed something"
            self.log.append((event, self.now, refusal.reason))
            return []
        self.log.append((event, self.now, repr(out)))
        self.check(out)
        return out

    def tick(self) -> None:
        self.one_step = False
        out = self.floor.tick(self.now)
        self.log.append((None, self.now, repr(out)))
        self.check(out)
        due = self.floor.next_deadline()
        assert due is None or due > self.now

    def picture(self) -> object:
        return (
            self.floor.seats(),
            self.floor.queues(),
            self.floor.next_deadline(),
            self.state.number,
            sorted(self.state.entries),
            sorted(self.state.offers),
            self.floor.missed(),
        )

    def check(self, outputs: list[FloorOutput]) -> None:
        for output in outputs:
            if isinstance(output, OfferMade):
                self.known_offers.append(output.offer)
                assert self.known_offers.count(output.offer) == 1
                self.check_offer(output)
                if self.one_step and sum(isinstance(o, (OfferMade, OfferClosed)) for o in outputs) == 1:
                    self.check_order(output)
            elif isinstance(output, SeatChanged):
                self.check_move(output)
            elif isinstance(output, CallbackOpened):
                self.opened_callbacks.append(output.call)
            elif isinstance(output, CallbackClosed):
                self.closed_callbacks.append(output.call)
                assert self.closed_callbacks.count(output.call) == 1
            elif isinstance(output, (OfferWithdrawn, QueueExited)):
                assert output.reason

    def check_move(self, changed: SeatChanged) -> None:
        """Only moves that the table knows; READY there stands for whatever was asked for next."""
        before = self.last_states.get(changed.seat, "logged_out")
        allowed = {str(row[before]) for row in TRANSITIONS.values() if not isinstance(row[before], Refusal)}
        if "ready" in allowed:
            allowed |= {"not_ready", "logged_out"}
        assert changed.state in allowed, f"{before} to {changed.state}"
        self.last_states[changed.seat] = cast(State, changed.state)

    def check_offer(self, made: OfferMade) -> None:
        """The seat meets the demand at the step that this wait has earned, and serves a queue in reach."""
        offer = self.state.offers.get(made.offer)
        if offer is None or offer.entry is None:
            return
        entry, seat = offer.entry, offer.seat
        plan = entry.queue.plan
        demand, tiers = entry.demand, plan.tiers
        for step in plan.relaxation:
            if self.now - entry.enqueued >= step.after:
                demand = relax(demand, drop=frozenset(step.drop), lower=step.lower)
                tiers = step.tiers if step.tiers is not None else tiers
        assert satisfied(demand, seat.plan.skills)
        assert entry.last_seat is not seat, "the same seat twice running"
        served = {m.queue: m.tier for m in seat.plan.queues}
        home = plan.queue in served and (tiers is None or served[plan.queue] <= tiers)
        assert home or any(rung.queue in served for rung in plan.overflow[: entry.reach])

    def check_order(self, made: OfferMade) -> None:
        """First come, first served: nobody who asks for the same and came earlier is passed over."""
        offer = self.state.offers.get(made.offer)
        if offer is None or offer.entry is None:
            return
        entry, seat = offer.entry, offer.seat
        for other in self.state.entries.values():
            cls = other.filed
            if cls is None or other.queue is not entry.queue or other.source != entry.source:
                continue
            if (other.key, other.number) < (entry.key, entry.number) and other.sticky_until == INFINITE:
                assert other.last_seat is seat or seat.group not in cls.groups, (
                    self.log[-1],
                    (entry.call, entry.key, entry.source),
                    (other.call, other.key, other.step, other.reach),
                )

    # --- what may happen

    @rule(
        queue=st.sampled_from(QUEUES),
        demand=st.sampled_from(DEMANDS),
        priority=st.integers(-1, 10),
        identity=st.sampled_from(PEOPLE),
        sticky=st.sampled_from([None, None, *SEATS]),
        first=st.booleans(),
        reachable=st.sampled_from([True, True, True, False]),
    )
    def enqueue(
        self,
        queue: QueueId,
        demand: str,
        priority: int,
        identity: str,
        sticky: SeatId | None,
        first: bool,
        reachable: bool,
    ) -> None:
        self.calls += 1
        call = CallId(f"c{self.calls}")
        event = e.Enqueued(
            call=call,
            queue=queue,
            skills=demand,
            priority=priority,
            identity=identity,
            sticky=sticky,
            first_in_line=first and self.calls % 5 == 0,
            reachable=reachable,
        )
        self.enqueued[call] = event
        self.handle(event)

    def some_call(self, data: st.DataObject) -> CallId:
        return data.draw(st.sampled_from([*self.state.entries, CallId("ghost"), *self.enqueued]))

    @rule(data=st.data(), queue=st.sampled_from(QUEUES))
    def enqueue_again(self, data: st.DataObject, queue: QueueId) -> None:
        call = self.some_call(data)
        if self.state.callbacks.of_call(call) is None:
            self.handle(e.Enqueued(call=call, queue=queue, first_in_line=True))

    @rule(data=st.data(), reason=st.sampled_from(["hung_up", "moved"]))
    def leave(self, data: st.DataObject, reason: str) -> None:
        self.handle(e.CallerLeft(call=self.some_call(data), reason=reason))

    @rule(data=st.data(), back=st.booleans())
    def switch_comes_and_goes(self, data: st.DataObject, back: bool) -> None:
        calls = tuple({self.some_call(data) for _ in range(3)})
        places = {call: (entry.key, entry.number) for call, entry in self.state.entries.items()}
        self.one_step = False
        before = len(self.log)
        self.handle(e.CallersReachable(calls=calls) if back else e.CallersUnreachable(calls=calls))
        assert len(self.log) == before + 1
        left = {call: (entry.key, entry.number) for call, entry in self.state.entries.items()}
        assert left == places, "the link to a switch moved a caller"

    @rule(data=st.data(), what=st.sampled_from(["ringing", "answered", "answered", "declined", "missed"]))
    def offer_fact(self, data: st.DataObject, what: str) -> None:
        open_offers = list(self.state.offers)
        offer = data.draw(st.sampled_from([*open_offers, *open_offers, OfferId("ghost"), *self.known_offers]))
        if what == "ringing":
            self.handle(e.OfferRinging(offer=offer))
        elif what == "answered":
            self.handle(e.OfferAnswered(offer=offer))
        else:
            self.handle(e.OfferRefused(offer=offer, cause="x", missed=what == "missed"))

    @rule(seat=st.sampled_from(SEATS))
    def end_contact(self, seat: SeatId) -> None:
        known = self.state.seats.get(seat)
        self.handle(e.ContactEnded(seat=seat, call=(known.call if known else None) or CallId("ghost")))

    @rule(
        seat=st.sampled_from([*SEATS, SeatId("ghost")]),
        wish=st.sampled_from(
            [
                e.SeatSignedOut,
                e.SeatReadied,
                e.SeatReadied,
                e.WrapUpFinished,
                e.WrapUpExtended,
                e.SeatConsulting,
                e.SeatTalking,
                e.SeatReachable,
                e.SeatUnreachable,
            ]
        ),
    )
    def wish(self, seat: SeatId, wish: Any) -> None:
        self.handle(wish(seat=seat))

    @rule(seat=st.sampled_from(SEATS), agent=st.sampled_from(["x", "y"]))
    def sign_in(self, seat: SeatId, agent: str) -> None:
        self.handle(e.SeatSignedIn(seat=seat, agent=AgentId(agent)))

    @rule(seat=st.sampled_from(SEATS), reason=st.sampled_from(["", "tea", "x" * 99]))
    def not_ready(self, seat: SeatId, reason: str) -> None:
        self.handle(e.SeatNotReadied(seat=seat, reason=reason))

    @rule(seat=st.sampled_from(SEATS))
    def force_out(self, seat: SeatId) -> None:
        self.handle(e.SeatSignedOut(seat=seat, forced=True, by="boss"))

    @rule(seat=st.sampled_from(SEATS))
    def take_for_consult(self, seat: SeatId) -> None:
        self.calls += 1
        offer = OfferId(f"consult-{self.calls}")
        self.known_offers.append(offer)
        self.handle(e.SeatTaken(seat=seat, call=CallId(f"consult-{self.calls}"), offer=offer))

    @rule(data=st.data(), number=st.sampled_from(["1", "2", ""]))
    def ask_callback(self, data: st.DataObject, number: str) -> None:
        self.calls += 1
        self.handle(
            e.CallbackAsked(call=self.some_call(data), callback=CallId(f"back-{self.calls}"), number=number)
        )

    @rule(data=st.data(), what=st.sampled_from(["reached", "failed", "failed", "cancelled"]))
    def callback_fact(self, data: st.DataObject, what: str) -> None:
        call = data.draw(st.sampled_from([*self.opened_callbacks, CallId("ghost")]))
        if what == "reached":
            self.handle(e.CallbackReached(call=call))
        elif what == "failed":
            self.handle(e.CallbackFailed(call=call, cause="x"))
        else:
            self.handle(e.CallbackCancelled(call=call))

    @rule(seconds=st.sampled_from([0.5, 3.0, 10.0, 31.0, 130.0]), late=st.booleans())
    def time_passes(self, seconds: float, late: bool) -> None:
        until = self.now + seconds
        while not late and (due := self.floor.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.tick()
        self.now = until
        self.tick()

    @rule(plan=plans, without_seat=st.booleans(), without_queue=st.booleans())
    def edit_plan(self, plan: FloorPlan, without_seat: bool, without_queue: bool) -> None:
        places = {call: (entry.key, entry.number) for call, entry in self.state.entries.items()}
        if without_seat:
            plan = replace(plan, seats=plan.seats[1:])
        if without_queue:
            plan = replace(
                plan,
                seats=tuple(
                    replace(s, queues=tuple(m for m in s.queues if m.queue != QUEUES[2])) for s in plan.seats
                ),
                queues=tuple(
                    replace(q, overflow=tuple(r for r in q.overflow if r.queue != QUEUES[2]))
                    for q in plan.queues[:2]
                ),
            )
        self.plan = plan
        self.one_step = False
        out = self.floor.change_plan(plan, self.now)
        self.log.append((plan, self.now, repr(out)))
        self.check(out)
        gone = {o.call for o in out if isinstance(o, (QueueExited, CallbackClosed))}
        for call, place in places.items():
            if call not in gone:
                entry = self.state.entries[call]
                assert (entry.key, entry.number) == place, "a plan edit moved a caller"

    # --- what must hold

    @invariant()
    def one_seat_one_lease(self) -> None:
        leased = [offer.seat for offer in self.state.offers.values()]
        assert len(set(map(id, leased))) == len(leased)
        for seat in self.state.seats.values():
            assert (seat.offer is not None) is (seat.state in ("reserved", "ringing"))
            if seat.offer is not None:
                assert self.state.offers[seat.offer.offer] is seat.offer
                assert seat.deadline is not None
            assert (seat.stamp != 0) is (seat.state == "ready")
            if seat.state in ("talking", "consulting"):
                assert seat.deadline is None or not seat.reachable, "only a lost phone ends a conversation"
            else:
                assert (seat.deadline is not None) is (seat.state in ("reserved", "ringing", "wrap_up"))
            assert (seat.agent is None) is (seat.state == "logged_out")
            assert seat.reachable or seat.state not in ("ready", "reserved", "ringing")

    @invariant()
    def one_caller_one_place(self) -> None:
        for call, entry in self.state.entries.items():
            assert entry.call == call
            if entry.reachable:
                assert (entry.filed is None) is bool(entry.offers), "neither waiting nor offered, or both"
            else:
                assert entry.filed is None, "offered without a switch"
                assert not entry.offers
                assert entry.deadline is None
                assert entry.callback is None
            assert all(offer.entry is entry for offer in entry.offers)
            assert (entry.line is not None) is in_line(entry)
            if entry.filed is not None:
                assert [other for other in entry.filed.entries() if other is entry] == [entry]
                assert entry.deadline is not None
        held = {call: entry for call, entry in self.state.entries.items() if not entry.reachable}
        assert self.state.unreachable == held
        for queue in self.state.queues.values():
            mine = [entry for entry in self.state.entries.values() if entry.queue is queue]
            assert queue.waiting == len(mine)
            since = self.floor.queue(queue.queue).longest_since
            assert (since is None) is (not mine)
            assert since is None or since in [entry.enqueued for entry in mine]
            assert sum(line.live for line in queue.lines.values()) == sum(map(in_line, mine))
            places = sorted(self.floor.position(x.call) or 0 for x in mine if in_line(x))
            assert not places or 1 <= places[0] <= places[-1] <= len(places)

    @invariant()
    def nobody_waits_for_an_idle_seat(self) -> None:
        for seat in self.state.seats.values():
            if not seat.stamp:
                continue
            for entry in self.state.entries.values():
                if entry.filed is not None and entry.last_seat is not seat:
                    assert not self.may_serve(seat, entry), f"{seat.plan.seat} idle, {entry.call} waiting"

    def may_serve(self, seat: Seat, entry: Entry) -> bool:
        cls = entry.filed
        assert cls is not None
        if cls in seat.personal:
            return True
        return entry.sticky_until == INFINITE and seat.group in cls.groups

    @invariant()
    def one_caller_one_seat(self) -> None:
        for seat in self.state.seats.values():
            if seat.state in ("talking", "consulting") and seat.call in self.enqueued:
                assert seat.call not in self.state.entries or self.again(seat.call)

    def again(self, call: CallId | None) -> bool:
        """The same call was put into a queue again while a seat still had it (a transfer back)."""
        return sum(1 for event, _, _ in self.log if isinstance(event, e.Enqueued) and event.call == call) > 1

    @invariant()
    def books_agree(self) -> None:
        board = self.state.board
        for index, cls in enumerate(board.classes):
            waiting = cls.entries()
            if index == cls.index and index not in board.free:
                assert cls.live == len(waiting)
                assert board.heads[index] == (waiting[0].key if waiting else INFINITE)
        for queue in self.state.queues.values():
            assert queue.at_work == sum(
                AT_WORK[seat.state]
                for seat in self.state.seats.values()
                if not seat.retired and queue.queue in seat.group.tiers
            )
        for seat in self.state.seats.values():
            for state in STATES:
                assert seat.group.count(state) == sum(other.state == state for other in seat.group.seats)
            for pool in seat.group.pools:
                idle = [other for other in seat.group.seats if other.stamp]
                assert pool.size == len(idle)
                if idle and pool.order.__name__ == "by_idle_time":
                    assert board.pool_heads[pool.index] == min(other.idle_since for other in idle)
        assert self.state.idle == sum(seat.stamp != 0 for seat in self.state.seats.values())
        live = set(self.opened_callbacks) - set(self.closed_callbacks)
        assert {callback.call for callback in self.state.callbacks.all()} == live

    # --- the end: nothing stays stuck, and the log tells the same story again

    def teardown(self) -> None:
        if not hasattr(self, "floor"):
            return
        self.handle(e.CallersReachable(calls=tuple(self.state.entries)))
        for _ in range(10_000):
            for seat in tuple(self.state.seats.values()):
                if seat.state in ("talking", "consulting") and seat.call is not None:
                    self.handle(e.ContactEnded(seat=seat.plan.seat, call=seat.call))
            due = self.floor.next_deadline()
            if due is None:
                break
            self.now = max(self.now, due)
            self.tick()
        else:
            raise AssertionError("timers never end")
        assert not self.state.entries
        assert not self.state.offers
        assert not len(self.state.callbacks)
        assert {seat.state for seat in self.state.seats.values()} <= {"ready", "not_ready", "logged_out"}
        self.replay()

    def replay(self) -> None:
        floor = Floor(self.first_plan, 1000.0)
        for number, (event, now, outcome) in enumerate(self.log):
            if number == len(self.log) // 2:
                hand_over(floor, now)
                floor = on_paper(floor)  # a snapshot goes on as if nothing had been
            if isinstance(event, FloorPlan):
                again = repr(floor.change_plan(event, now))
            elif event is None:
                again = repr(floor.tick(now))
            else:
                try:
                    again = repr(floor.handle(event, now))
                except e.Refused as refusal:
                    again = refusal.reason
            assert again == outcome


def hand_over(floor: Floor, now: float) -> None:
    """What is kept for the next process: every callback once, one agent a seat, nothing that stays stuck."""
    before = sorted(callback.callback for callback in floor.callbacks())
    after = Floor(floor._state.plan, now)
    out = after.handle(floor.keep(now), now)
    assert not [one for one in out if isinstance(one, OfferMade)], "no phone has been seen yet"
    kept = sorted(callback.callback for callback in after.callbacks())
    closed = [one.call for one in out if isinstance(one, CallbackClosed)]
    assert sorted(closed + kept) == before
    agents = [seat.agent for seat in after.seats() if seat.agent is not None]
    assert len(set(agents)) == len(agents)
    while (due := after.next_deadline()) is not None:
        closed += [one.call for one in after.tick(max(due, now)) if isinstance(one, CallbackClosed)]
    assert sorted(closed) == before
    assert {seat.state for seat in after.seats()} <= {"logged_out", "not_ready"}


def on_paper(floor: Floor) -> Floor:
    """The floor that is made of this one's snapshot, read back from JSON."""
    paper = write_snapshot(floor.snapshot(), str)
    again = Floor.restored(read_snapshot(paper))
    assert write_snapshot(again.snapshot(), str) == paper
    return again


TestFloorMachine = FloorMachine.TestCase
TestFloorMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
