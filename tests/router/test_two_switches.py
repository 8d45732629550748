"""Callers over two Asterisks, one of which is lost for a while: nobody answers a call without a voice."""

from collections.abc import Callable
from itertools import count

from acd import commands as c
from acd import events as e
from acd.ids import AgentId, CallId, ChannelId, NodeId, SeatId
from callrouter.router import Router
from simulators.switch import Phone, Switch
from tests.router.world import site

SEAT = SeatId("a1001")
ONE, TWO = NodeId("one"), NodeId("two")
STEP = 0.05


class Country:
    """One router and two switches in virtual time; the seat's phone can be rung by both."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.router = Router(site(), self.now)
        phones = {f"PJSIP/{SEAT}": Phone(after=0.5)}
        self.switches = {node: Switch(node, now=self.now, phones=phones) for node in (ONE, TWO)}
        self.switches[TWO].count = count(1000)  # as two machines: no channel has another's name
        self.rung: list[tuple[NodeId, CallId]] = []
        for switch in self.switches.values():
            switch.connect()
        self.do(e.SeatReachable(seat=SEAT))
        self.do(e.SeatSignedIn(seat=SEAT, agent=AgentId("agent")))
        self.wait(0.1)

    def do(self, event: e.Event) -> None:
        self._carry_out(self.router.handle(event, self.now))

    def _carry_out(self, outcomes: list[object]) -> None:  # type: ignore[type-arg,unused-ignore]
        for one in outcomes:
            if isinstance(one, c.Command):
                if isinstance(one, c.Originate):
                    self.rung.append((one.node, one.call))
                self.switches[one.node].send(one)

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + STEP)
            for switch in self.switches.values():
                for fact in switch.advance(self.now):
                    self.do(fact)
            due = self.router.next_deadline()
            if due is not None and due <= self.now:
                self._carry_out(self.router.tick(self.now))

    def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        end = self.now + seconds
        while not condition():
            assert self.now < end, "it never came to that"
            self.wait(STEP)

    def call(self, node: NodeId) -> ChannelId:
        """A caller who asks for a person and waits."""
        switch = self.switches[node]
        caller = switch.offer(caller=f"1380000{len(self.router.calls):04d}")
        self.wait(1.0)
        switch.press(caller, "0")
        self.until(lambda: self.owner(caller) == "queue")
        return caller

    def owner(self, caller: ChannelId) -> str:
        calls = [live.call for live in self.router.calls.values()]
        return next((call.owner.value for call in calls if call.caller.channel == caller), "")

    def speaks(self, node: NodeId, caller: ChannelId) -> bool:
        """With the seat, both ways."""
        switch = self.switches[node]
        return caller in switch.channels and any(sound.startswith("cr-") for sound in switch.hears(caller))


def test_the_seat_speaks_with_whom_it_can_and_the_first_in_line_comes_as_soon_as_the_switch_is_back() -> None:
    country = Country()
    first, second = country.call(TWO), country.call(ONE)
    country.switches[TWO].disconnect()
    country.wait(0.2)
    country.do(e.SeatReadied(seat=SEAT))
    country.until(lambda: country.speaks(ONE, second))
    assert {node for node, _ in country.rung} == {ONE}
    country.switches[ONE].hang_up(second)
    country.wait(60)  # the seat wraps up, is ready, and nobody can be offered to it
    assert country.router.floor.seat(SEAT).state == "ready"
    assert {node for node, _ in country.rung} == {ONE}
    assert country.owner(first) == "queue"
    country.switches[TWO].connect()
    country.until(lambda: country.speaks(TWO, first), 5.0)


def test_who_hung_up_while_the_switch_was_lost_is_offered_to_nobody() -> None:
    country = Country()
    first = country.call(TWO)
    country.switches[TWO].disconnect()
    country.wait(0.2)
    country.do(e.SeatReadied(seat=SEAT))
    country.switches[TWO].hang_up(first)
    country.wait(5)
    country.switches[TWO].connect()
    country.wait(5)
    assert country.rung == []
    assert country.router.calls == {}
    assert country.router.floor.seat(SEAT).state == "ready"
