"""Who is on duty: signing in and out at quarter-hours, and losing seats."""

from typing import Final

import numpy as np

from acd.commands import FloorOutput
from acd.events import Refused, SeatReachable, SeatReadied, SeatSignedIn, SeatSignedOut
from acd.floor import Floor
from acd.ids import AgentId, Instant, SeatId
from simulators.queue_sim.world import SLOT, SLOTS_A_DAY, Mask, World

_OUT: Final = "logged_out"


class Duty:
    """Brings the floor's seats to what the roster and the outages of each quarter-hour say."""

    def __init__(self, world: World, floor: Floor) -> None:
        self._world = world
        self._floor = floor
        self._seats: list[SeatId] = [seat.seat for seat in world.plan.seats]
        self._slots = world.days * SLOTS_A_DAY
        rows = world.duty
        self._turns = np.any(rows != np.roll(rows, 1, axis=0), axis=1)
        """Quarter-hours of the week at whose beginning somebody comes or goes."""
        self._marks = {int(at // SLOT) for outage in world.outages for at in (outage.begins, outage.ends)}
        self._lost = [
            (np.array([seat in outage.seats for seat in self._seats]), outage.begins, outage.ends)
            for outage in world.outages
        ]
        self._on = np.zeros(len(self._seats), dtype=np.bool_)
        for seat in self._seats:
            floor.handle(SeatReachable(seat=seat), 0.0)

    def next_change(self, slot: int) -> int | None:
        """The first quarter-hour from `slot` on at which anything may change."""
        while slot < self._slots:
            if slot == 0 or slot in self._marks or self._turns[self._world.slot_of_week(slot)]:
                return slot
            slot += 1
        return None

    def wanted(self, slot: int) -> Mask:
        """Who should be on duty in a quarter-hour of the simulation."""
        return np.asarray(self._world.duty[self._world.slot_of_week(slot)] & ~self._gone(slot))

    def _gone(self, slot: int) -> Mask:
        gone = np.zeros(len(self._seats), dtype=np.bool_)
        for seats, begins, ends in self._lost:
            if begins <= slot * SLOT < ends:
                gone |= seats
        return gone

    def change(self, slot: int, now: Instant) -> list[FloorOutput]:
        """Sign people in and out; who is in a conversation leaves after it, unless the seat is lost."""
        out: list[FloorOutput] = []
        wanted, gone = self.wanted(slot), self._gone(slot)
        for index in np.flatnonzero(self._on & ~wanted):
            out += self._leave(self._seats[index], bool(gone[index]), now)
        for index in np.flatnonzero(wanted & ~self._on):
            out += self._come(self._seats[index], now)
        self._on = wanted
        return out

    def _leave(self, seat: SeatId, lost: bool, now: Instant) -> list[FloorOutput]:
        if self._floor.seat(seat).state == _OUT:
            return []
        return self._floor.handle(SeatSignedOut(seat=seat, forced=lost), now)

    def _come(self, seat: SeatId, now: Instant) -> list[FloorOutput]:
        out: list[FloorOutput] = []
        if self._floor.seat(seat).state == _OUT:
            out += self._floor.handle(SeatSignedIn(seat=seat, agent=AgentId(f"agent of {seat}")), now)
        # Else the sign-out of an earlier shift was still waiting for a conversation's end: it is taken back.
        return out + self._floor.handle(SeatReadied(seat=seat), now)

    def back(self, seat: SeatId, now: Instant) -> list[FloorOutput]:
        """Somebody who had been made not ready is ready again, unless gone home meanwhile."""
        try:
            return self._floor.handle(SeatReadied(seat=seat), now)
        except Refused:
            return []
