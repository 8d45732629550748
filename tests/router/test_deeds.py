"""What seats are told that they may do is what they are granted: asked for by lot, over whole days."""

from collections import Counter
from collections.abc import Callable

from acd import events as e
from acd.agent import STATES, TRANSITIONS, Refusal
from acd.deeds import EVENTS, TRIGGERS, Deed
from acd.ids import SeatId
from acd.transfer import ASKED_BY_PEOPLE
from callrouter.controller.views import call_view, seat_view
from tests.router.day import GOALS, Day
from tests.router.test_further import four, three
from tests.router.test_slice import SEAT, consulting, in_talk
from tests.router.world import World

SEATS = ("a1001", "a1002", "a1003", "a1004")
ASKING: dict[Deed, Callable[[SeatId, str], e.Intent]] = {
    Deed.SIGN_IN: lambda seat, goal: e.SeatSignedIn(seat=seat, agent=f"agent-{seat}"),  # type: ignore[arg-type]
    Deed.SIGN_OUT: lambda seat, goal: e.SeatSignedOut(seat=seat),
    Deed.READY: lambda seat, goal: e.SeatReadied(seat=seat),
    Deed.NOT_READY: lambda seat, goal: e.SeatNotReadied(seat=seat, reason="break"),
    Deed.FINISH: lambda seat, goal: e.WrapUpFinished(seat=seat),
    Deed.EXTEND: lambda seat, goal: e.WrapUpExtended(seat=seat),
    Deed.ANSWER: lambda seat, goal: e.AnswerAsked(seat=seat),
    Deed.DECLINE: lambda seat, goal: e.DeclineAsked(seat=seat),
    Deed.HANG_UP: lambda seat, goal: e.HangupAsked(seat=seat),
    Deed.HOLD: lambda seat, goal: e.HoldAsked(seat=seat),
    Deed.RESUME: lambda seat, goal: e.ResumeAsked(seat=seat),
    Deed.TRANSFER: lambda seat, goal: e.TransferAsked(seat=seat, target=goal),
    Deed.COMPLETE: lambda seat, goal: e.TransferCompleted(seat=seat),
    Deed.THREE_PARTY: lambda seat, goal: e.ThreePartyAsked(seat=seat),
    Deed.SWAP: lambda seat, goal: e.TransferSwapped(seat=seat),
    Deed.CANCEL: lambda seat, goal: e.TransferCancelled(seat=seat),
}
OF_THE_STATE = ("in_transfer", "not_talking", "four_parties", "no_call")
"""Reasons for which a transfer is refused whomever it is meant for."""


def may(world: World, seat: SeatId) -> set[str]:
    """As its screen is told."""
    told = set(seat_view(world.router, seat).deeds)
    for live in world.router.calls.values():
        for leg in call_view(world.router, live).legs:
            if leg.role == "seat" and leg.party == seat:
                told |= set(leg.deeds)
    return told


class Asking(Day):
    """Each wish is compared with what was told before it."""

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(world, SEATS, seed, ("12345",))
        self.granted: Counter[Deed] = Counter()
        self.turned_down: Counter[Deed] = Counter()

    def _wish(self, seat: SeatId) -> None:
        busy = [SeatId(name) for name in SEATS if "hang-up" in may(self.world, SeatId(name))]
        for asking in (seat, *self.dice.choices(busy, k=4 * bool(busy))):
            self._ask(asking)

    def _ask(self, seat: SeatId) -> None:
        told = may(self.world, seat)
        deed = self.dice.choice((*ASKING, *(one for one in ASKING if one in told)))
        if deed in (Deed.SIGN_OUT, Deed.NOT_READY) and self.dice.random() < 0.8:
            deed = Deed.READY  # somebody has to work
        refusal = self._refusal(ASKING[deed](seat, self.dice.choice(GOALS)))
        if deed is Deed.TRANSFER and refusal not in ("", *OF_THE_STATE):
            refusal = ""  # the number leads nowhere: that is known when it is dialled
        assert (deed in told) is not bool(refusal), (seat, deed, refusal, told)
        (self.turned_down if refusal else self.granted)[deed] += 1

    def _refusal(self, wish: e.Intent) -> str:
        try:
            self.world.handle(wish)
        except e.Refused as refused:
            return refused.reason
        return ""


def test_every_wish_that_is_told_is_granted_and_no_other() -> None:
    granted: Counter[Deed] = Counter()
    turned_down: Counter[Deed] = Counter()
    for seed in range(8):
        day = Asking(World(SEATS), seed)
        day.live(60)
        granted += day.granted
        turned_down += day.turned_down
    assert not set(Deed) - granted.keys(), "every deed was granted at least once"
    assert not set(Deed) - turned_down.keys(), "and every one refused"


def test_who_is_consulted_may_only_leave_until_the_call_is_theirs() -> None:
    world = World(("a1002", "a1003"))
    in_talk(world)
    world.handle(e.TransferAsked(seat=SEAT, target="a1003"))
    colleague = SeatId("a1003")
    call_deeds = may(world, colleague) - set(TRIGGERS)
    assert call_deeds == {"answer", "decline", "hang-up"}
    world.answer(world.leg("a1003"))
    assert may(world, colleague) - set(TRIGGERS) == {"hang-up"}
    world.handle(e.ThreePartyAsked(seat=SEAT))
    assert may(world, colleague) - set(TRIGGERS) == {"hang-up"}
    world.handle(e.TransferCompleted(seat=SEAT))
    assert may(world, colleague) - set(TRIGGERS) == {"hang-up", "hold", "transfer"}


def test_the_one_who_transfers_may_what_the_table_grants() -> None:
    world = World()
    consulting(world)
    transfer = {"transfer/complete", "transfer/three-party", "transfer/swap", "transfer/cancel"}
    assert may(world, SEAT) - set(TRIGGERS) == {"hang-up"} | transfer
    assert may(three()[0], SEAT) - set(TRIGGERS) == {
        "hang-up",
        "transfer",
        "transfer/complete",
        "transfer/cancel",
    }
    assert "transfer" not in may(four()[0], SEAT), "four are the most"


def test_callers_and_partners_are_offered_nothing() -> None:
    world = World()
    consulting(world)
    (live,) = world.router.calls.values()
    assert {leg.role: leg.deeds for leg in call_view(world.router, live).legs if leg.role != "seat"} == {
        "caller": (),
        "partner": (),
    }


def test_a_phone_that_is_away_cannot_make_ready() -> None:
    world = World()
    world.handle(e.SeatUnreachable(seat=SEAT))
    assert "ready" not in may(world, SEAT)
    world.handle(e.SeatReachable(seat=SEAT))
    world.handle(e.SeatNotReadied(seat=SEAT, reason="break"))
    assert "ready" in may(world, SEAT)


def test_each_deed_has_its_row() -> None:
    assert set(EVENTS.values()) == set(ASKED_BY_PEOPLE)
    wishes = {
        trigger
        for trigger, row in TRANSITIONS.items()
        if any(isinstance(row[state], Refusal) for state in STATES)
    }
    assert set(TRIGGERS.values()) == wishes - {"force_out", "reserve"}
