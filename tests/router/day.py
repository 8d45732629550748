"""A day on the floor by lot: callers come and go, are handed over, held, dropped, called back."""

import random

from acd import events as e
from acd.ids import ChannelId, SeatId
from tests.router.world import World

GOALS = ("12315", "12333", "12348", "110", "a1001", "a1003", "00000")
WISHES = (
    lambda seat, goal: e.TransferAsked(seat=seat, target=goal),
    lambda seat, goal: e.TransferAsked(seat=seat, target=goal, kind="blind"),
    lambda seat, goal: e.TransferCompleted(seat=seat),
    lambda seat, goal: e.TransferCompleted(seat=seat),
    lambda seat, goal: e.TransferCancelled(seat=seat),
    lambda seat, goal: e.TransferSwapped(seat=seat),
    lambda seat, goal: e.ThreePartyAsked(seat=seat),
    lambda seat, goal: e.HoldAsked(seat=seat),
    lambda seat, goal: e.ResumeAsked(seat=seat),
    lambda seat, goal: e.WrapUpFinished(seat=seat),
    lambda seat, goal: e.SeatReadied(seat=seat),
    lambda seat, goal: e.SeatNotReadied(seat=seat, reason="break"),
    lambda seat, goal: e.SeatSignedIn(seat=seat, agent=f"agent-{seat}"),
    lambda seat, goal: e.SeatSignedOut(seat=seat, forced=False),
)


class Day:
    """`live` fills the world with a day's calls; `end` lets the last caller go."""

    def __init__(self, world: World, seats: tuple[str, ...], seed: int, numbers: tuple[str, ...]) -> None:
        self.world = world
        self.seats = seats
        self.numbers = numbers
        self.dice = random.Random(seed)
        self.refused = 0

    def live(self, calls: int) -> None:
        for number in range(calls):
            self.world.wait(self.dice.expovariate(1 / 15))
            self.world.call(self.dice.choice(self.numbers), f"138{number:08d}", f"D{number}")
            for _ in range(self.dice.randrange(2, 9)):
                self._something()

    def _something(self) -> None:
        world, dice = self.world, self.dice
        world.wait(dice.uniform(0.05, 4.0))
        channels = sorted(world.channels)
        ringing = [name for name in channels if not world.channels[name].up and name.startswith("cr-")]
        lot = dice.random()
        if lot < 0.35 and ringing:
            world.answer(ChannelId(dice.choice(ringing)))
        elif lot < 0.55 and channels:
            world.finish_playing(dice.choice(channels))
        elif lot < 0.68 and channels:
            world.hang_up(dice.choice(channels), dice.choice((16, 16, 17, 19, 21, 38)))
        elif lot < 0.72 and channels:
            world.keys(dice.choice(channels), "1")
        else:
            self._wish(SeatId(dice.choice(self.seats)))

    def _wish(self, seat: SeatId) -> None:
        try:
            self.world.handle(self.dice.choice(WISHES)(seat, self.dice.choice(GOALS)))
        except e.Refused:
            self.refused += 1

    def end(self) -> None:
        world = self.world
        for _ in range(50):
            if not world.router.calls and not world.router.promised:
                return
            for channel in list(world.channels):
                world.hang_up(channel)
            for callback in list(world.router.promised):
                try:
                    world.handle(e.CallbackCancelled(call=callback))
                except e.Refused:
                    self.refused += 1
            world.wait(60)
        raise AssertionError(f"calls that never end: {sorted(world.router.calls)}")
