"""The primitives of a conversation: moving, ringing, parting, and what they send out.

Everything here acts on one `Call` and appends to `out`; nothing here decides.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from acd import commands as c
from acd import events as e
from acd import held
from acd.call import Call, Rung
from acd.feature_codes import Dialled
from acd.ids import CallId, Instant, SeatId, Seconds
from acd.leg import Leg, LegState, Place
from acd.record import Activity, Role
from acd.timers import Timers

TEARDOWN: Final[Seconds] = 10.0
"""How long we wait for the switch to confirm that a leg is gone."""

FAREWELL: Final[Seconds] = 6.0

NORMAL_CLEARING, BUSY, NO_ANSWER, DECLINED = 16, 17, 19, 21
"""Q.850 causes."""


@dataclass(frozen=True, slots=True)
class BackToFlow:
    """The caller is alone again; the flow says what comes next."""

    call: CallId
    source: str
    """``conversation`` when a person has been reached, ``transfer`` when the flow's own transfer failed."""
    reason: str


@dataclass(frozen=True, slots=True)
class FeatureDialled:
    """A seat has dialled a feature code on its phone."""

    call: CallId
    seat: SeatId
    dialled: Dialled


Output = c.Command | e.FloorEvent | BackToFlow | FeatureDialled
TimerKey = tuple[CallId, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """Prompts and numbers that the machine needs; media URIs by language."""

    caller_left: tuple[str, ...] = ()
    """Told to the target of a consultation whose caller has hung up."""
    not_reached: Callable[[str], tuple[str, ...]] = lambda language: ()
    """Told to a caller, in their language, whom a transfer has led to nobody: they wait for a person."""
    not_possible: tuple[str, ...] = ("tone:congestion;tonezone=cn",)
    """What a seat hears, for `acd.keypad.REFUSED` seconds, for a key that leads nowhere."""
    numbers: Callable[[], Collection[str]] = tuple
    """Numbers that a seat may dial with a feature code, as of now."""


class Stage:
    """One call's legs and the commands that move them."""

    def __init__(self, call: Call, timers: Timers[TimerKey], manners: Manners) -> None:
        self.call = call
        self.out: list[Output] = []
        self._timers = timers
        self.manners = manners

    def ring_until(self, leg: Leg, deadline: Instant) -> None:
        self._timers.set((self.call.id, "ring", leg.number), deadline)

    def look_again(self, leg: Leg, at: Instant) -> None:
        self._timers.set((self.call.id, "pulse", leg.number), at)

    def quiet_until(self, leg: Leg, deadline: Instant) -> None:
        self._timers.set((self.call.id, "quiet", leg.number), deadline)

    def drop_timer(self, name: str, leg: Leg) -> None:
        self._timers.cancel((self.call.id, name, leg.number))

    def offer_cancelled(self, leg: Leg) -> None:
        """A consult call to a seat is given up while it still rings: the seat is free again."""
        if leg.offer is not None and leg.usable and not leg.up:
            self.out.append(e.OfferRefused(offer=leg.offer, cause="cancelled"))

    def hang_up(self, leg: Leg, now: Instant, cause: int = 16) -> None:
        if not leg.usable:
            return
        leg.state = LegState.ENDING
        if leg.role is Role.SEAT and leg.answered is None:
            self.close_track(leg, now)  # free for the floor from now on, whenever the switch confirms
        self._timers.cancel((self.call.id, "ring", leg.number))
        for timer in ("quiet", "pulse"):
            self._timers.cancel((self.call.id, timer, leg.number))
        self._timers.set((self.call.id, "teardown", leg.number), now + TEARDOWN)
        for channel in (leg.channel, leg.parked):
            if channel is not None:
                self.out.append(c.Hangup(node=leg.node, call=self.call.id, channel=channel, cause=cause))

    def contact_over(self, leg: Leg, now: Instant) -> None:
        """A seat that has spoken wraps up; one that only rang is free by the floor's own word."""
        if leg.role is not Role.SEAT or leg.answered is None or leg.activity is Activity.WRAP_UP:
            return
        self.call.doing(leg, Activity.WRAP_UP, now)
        self.out.append(e.ContactEnded(seat=SeatId(leg.party), call=self.call.id))

    def farewell(self, leg: Leg, now: Instant, media: tuple[str, ...] = ()) -> None:
        """Tell somebody why it ends (a target: that the caller has left), then end the leg."""
        media = media or self.manners.caller_left
        if leg.up and media:
            self.out += self.call.move(leg, Place.NOWHERE)
            self.out.append(self.call.playing(leg, media))
            self._timers.set((self.call.id, "farewell", leg.number), now + FAREWELL)
        else:
            self.offer_cancelled(leg)
            self.contact_over(leg, now)
            self.hang_up(leg, now)

    def bidding_farewell(self, leg: Leg) -> bool:
        return self._timers.at((self.call.id, "farewell", leg.number)) is not None

    def together(self, now: Instant, activity: Activity, *legs: Leg) -> None:
        for leg in legs:
            self.out += self.call.move(leg, Place.BRIDGE)
            if leg.up:
                self.call.doing(leg, activity, now)
        self.out += held.console(self.call)

    def anew(self, now: Instant, activity: Activity, seat: Leg, other: Leg) -> None:
        """The seat speaks with somebody else from now on.

        The seat leaves the bridge and comes back: when its partner changes at the very end of a key,
        Asterisk 22.10 may write nothing to it any more (measured: three times in six, on no more than that).
        """
        self.out += self.call.move(seat, Place.NOWHERE)
        self.together(now, activity, other, seat)

    def aside(self, leg: Leg, now: Instant, media: tuple[str, ...] = (), place: Place = Place.MUSIC) -> None:
        self.out += self.call.move(leg, Place.TOLD if media else place, media)
        self.call.doing(leg, Activity.HOLD, now)

    def others_up(self) -> list[Leg]:
        return [leg for leg in self.call.legs if leg.role is not Role.CALLER and leg.up]

    def originate(self, leg: Leg, rung: Rung) -> None:
        call = self.call
        self.out.append(
            c.Originate(
                node=leg.node,
                call=call.id,
                channel=leg.channel,
                endpoint=rung.endpoint,
                caller_number=rung.caller_number or call.caller_number,
                caller_name=rung.caller_name,
                ring_for=rung.ring_for,
                variables=rung.variables,
                early=leg.role is not Role.SEAT,
            )
        )

    def close_track(self, leg: Leg, now: Instant) -> None:
        """Its last segment ends now; of a wrap-up the floor says when."""
        if leg.activity is not Activity.WRAP_UP and not leg.closed:
            self.call.cut(leg, now)
            leg.closed = True
