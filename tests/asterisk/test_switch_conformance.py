"""The in-memory switch tells what the real one tells: each story is played on both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from msgspec import structs

from acd import commands as c
from acd.events import CallOffered, LegAnswered, LegEnded, LegRinging, NodeUp, PlaybackStarted
from acd.ids import BridgeId, ChannelId, PlaybackId
from callrouter.toolchain.asterisk import AsteriskServer
from simulators.switch import Habit, Phone, Switch
from tests.asterisk.link_rig import CALL, NODE, SEATS, Fact, Rig, run_asterisk, run_rig

pytestmark = pytest.mark.asterisk
LEG, BRIDGE, SECOND = ChannelId("leg"), BridgeId("b1"), BridgeId("b2")
GHOST, PROMPT, OTHER = ChannelId("ghost"), PlaybackId("p1"), PlaybackId("p2")
NOBODY = ChannelId("")
LONG, SHORT = ("sound:demo-congrats",), ("sound:beep",)


class World(Protocol):
    """What a story may do; `until` lets it wait for what it builds upon."""

    async def offer(self) -> ChannelId: ...

    async def seat(self, habit: Habit) -> None: ...

    def do(self, kind: type[c.Command], **given: Any) -> None: ...

    async def until(self, kind: type, name: str) -> None: ...

    async def caller_hangs_up(self) -> None: ...

    async def caller_presses(self, digit: str) -> None: ...


@dataclass
class Memory:
    """Time flies while a story waits."""

    switch: Switch
    facts: list[Fact]
    channel: ChannelId = NOBODY

    async def offer(self) -> ChannelId:
        self.channel = self.switch.offer()
        self._pass(0.0)
        return self.channel

    async def seat(self, habit: Habit) -> None:
        after = {Habit.ANSWERS: 0.01, Habit.REJECTS: 0.05}.get(habit, 0.0)
        self.switch.phones["PJSIP/a1001"] = Phone(habit=habit, ring_after=0.01, after=after + 0.01)

    def do(self, kind: type[c.Command], **given: Any) -> None:
        self.switch.send(kind(node=self.switch.node, call=CALL, **given))
        self._pass(0.0)

    async def until(self, kind: type, name: str) -> None:
        while not any(isinstance(f, kind) and name in vars_of(f).values() for f in self.facts):
            due = self.switch.next_at()
            assert due is not None, f"no {kind.__name__} of {name} will ever come: {self.facts}"
            self._pass(due - self.switch.now)

    async def caller_hangs_up(self) -> None:
        self.switch.hang_up(self.channel)
        self._pass(0.0)

    async def caller_presses(self, digit: str) -> None:
        self.switch.press(self.channel, digit)
        self._pass(0.0)

    def _pass(self, seconds: float) -> None:
        self.facts += self.switch.advance(self.switch.now + seconds)


@dataclass
class Real:
    rig: Rig
    begun: int
    phone: Any = None
    channel: ChannelId = NOBODY

    async def offer(self) -> ChannelId:
        self.phone, self.channel = await self.rig.caller(answered=False)
        return self.channel

    async def seat(self, habit: Habit) -> None:
        if habit is not Habit.UNREGISTERED:
            phone = await self.rig.phone("a1001")
            phone.silent = habit is Habit.SILENT
            phone.statuses = {Habit.ANSWERS: (180, 200), Habit.REJECTS: (180, 486)}.get(habit, (180,))

    def do(self, kind: type[c.Command], **given: Any) -> None:
        self.rig.do(kind, **given)

    async def until(self, kind: type, name: str) -> None:
        await self.rig.fact(kind, lambda f: name in vars_of(f).values(), since=self.begun)

    async def caller_hangs_up(self) -> None:
        answer = await self.phone.response(above=199)
        self.phone.settle(answer)
        await self.phone.bye()

    async def caller_presses(self, digit: str) -> None:
        self.phone.settle(await self.phone.response(above=199))
        await self.phone.media.press(digit)


def vars_of(fact: Fact) -> dict[str, Any]:
    return structs.asdict(fact)


def told(facts: list[Fact], channel: ChannelId) -> dict[str, list[Any]]:
    """Facts by what they are about, in order; names that each world chooses itself are made alike."""
    kept: dict[str, list[Any]] = {}
    for fact in facts:
        if isinstance(fact, CallOffered):
            kept.setdefault("caller", []).append("CallOffered")
            continue
        values = vars_of(fact)
        if not {"channel", "playback", "subject"} & set(values) or values.get("subject") == "nobody":
            continue
        about = values.get("channel") or values.get("playback") or values["subject"]
        rest = {k: v for k, v in values.items() if k not in ("node", "call", "channel", "playback", "reason")}
        rest = {k: "caller" if v == channel else v for k, v in rest.items()}
        kept.setdefault("caller" if about == channel else about, []).append((type(fact).__name__, rest))
    return kept


Story = Callable[[World], Awaitable[None]]


async def caller_hangs_up(w: World) -> None:
    channel = await w.offer()
    w.do(c.Answer, channel=channel)
    await w.caller_hangs_up()
    await w.until(LegEnded, channel)
    w.do(c.Hangup, channel=channel)
    w.do(c.Play, channel=channel, playback=PROMPT, media=SHORT)
    w.do(c.Join, channel=channel, bridge=BRIDGE)


async def caller_is_refused(w: World) -> None:
    channel = await w.offer()
    w.do(c.Hangup, channel=channel, cause=1)
    await w.until(LegEnded, channel)


async def seat_answers_and_leaves(w: World) -> None:
    channel = await w.offer()
    await w.seat(Habit.ANSWERS)
    w.do(c.Answer, channel=channel)
    w.do(c.Originate, **DIAL)
    await w.until(LegAnswered, LEG)
    w.do(c.CreateBridge, bridge=BRIDGE)
    w.do(c.Join, bridge=BRIDGE, channel=channel)
    w.do(c.Join, bridge=BRIDGE, channel=LEG)
    w.do(c.Hangup, channel=LEG, cause=16)
    await w.until(LegEnded, LEG)
    w.do(c.Leave, bridge=BRIDGE, channel=LEG)
    w.do(c.DestroyBridge, bridge=BRIDGE)
    w.do(c.DestroyBridge, bridge=BRIDGE)
    w.do(c.Join, bridge=SECOND, channel=channel)


async def seat_rejects(w: World) -> None:
    await w.seat(Habit.REJECTS)
    w.do(c.Originate, **DIAL)
    await w.until(LegEnded, LEG)


async def seat_does_not_answer(w: World) -> None:
    await w.seat(Habit.RINGS_OUT)
    w.do(c.Originate, **{**DIAL, "ring_for": 1.0})
    await w.until(LegEnded, LEG)


async def seat_has_vanished(w: World) -> None:
    await w.seat(Habit.SILENT)
    w.do(c.Originate, **{**DIAL, "ring_for": 1.0})
    await w.until(LegEnded, LEG)


async def seat_was_never_there(w: World) -> None:
    w.do(c.Originate, **{**DIAL, "endpoint": "PJSIP/a1003"})
    w.do(c.Originate, **{**DIAL, "endpoint": "PJSIP/nobody"})


async def seat_is_dialled_twice(w: World) -> None:
    await w.seat(Habit.RINGS_OUT)
    w.do(c.Originate, **DIAL)
    w.do(c.Originate, **DIAL)
    await w.until(LegRinging, LEG)
    w.do(c.Hangup, channel=LEG)
    await w.until(LegEnded, LEG)


async def nothing_is_done_with_a_ringing_leg(w: World) -> None:
    await w.seat(Habit.RINGS_OUT)
    w.do(c.Originate, **DIAL)
    await w.until(LegRinging, LEG)
    w.do(c.CreateBridge, bridge=BRIDGE)
    for kind, given in ON_A_CHANNEL:
        w.do(kind, channel=LEG, **given)
    w.do(c.Hangup, channel=LEG, cause=17)
    await w.until(LegEnded, LEG)


async def nothing_is_done_with_a_ghost(w: World) -> None:
    w.do(c.CreateBridge, bridge=BRIDGE)
    for kind, given in ON_A_CHANNEL:
        w.do(kind, channel=GHOST, **given)
    w.do(c.StopPlayback, playback=PROMPT)
    w.do(c.Hangup, channel=GHOST)
    w.do(c.Join, channel=GHOST, bridge=SECOND)


async def prompts_queue_and_are_stopped(w: World) -> None:
    channel = await w.offer()
    w.do(c.Answer, channel=channel)
    w.do(c.Play, channel=channel, playback=PROMPT, media=LONG)
    await w.until(PlaybackStarted, PROMPT)
    w.do(c.Play, channel=channel, playback=OTHER, media=LONG)
    w.do(c.StopPlayback, playback=PROMPT)
    await w.until(PlaybackStarted, OTHER)
    w.do(c.CreateBridge, bridge=BRIDGE)
    w.do(c.Join, channel=channel, bridge=BRIDGE)


async def prompt_ends_with_the_call(w: World) -> None:
    channel = await w.offer()
    w.do(c.Answer, channel=channel)
    w.do(c.Play, channel=channel, playback=PROMPT, media=LONG)
    await w.until(PlaybackStarted, PROMPT)
    w.do(c.Hangup, channel=channel)
    await w.until(LegEnded, channel)


async def keys_and_the_dialplan(w: World) -> None:
    channel = await w.offer()
    w.do(c.Answer, channel=channel)
    await w.caller_presses("5")
    w.do(c.ToDialplan, channel=channel, context="safety-net", extension="s")
    await w.until(LegEnded, channel)
    w.do(c.MusicOn, channel=channel)


DIAL = {
    "channel": LEG,
    "endpoint": "PJSIP/a1001",
    "caller_number": "139",
    "caller_name": "",
    "ring_for": 20.0,
}
ON_A_CHANNEL: list[tuple[type[c.Command], dict[str, Any]]] = [
    (c.Answer, {}),
    (c.Ring, {}),
    (c.Ring, {"on": False}),
    (c.Play, {"playback": PROMPT, "media": SHORT}),
    (c.MusicOn, {}),
    (c.MusicOff, {}),
    (c.Leave, {"bridge": BRIDGE}),
    (c.ToDialplan, {"context": "safety-net", "extension": "s"}),
    (c.Join, {"bridge": BRIDGE}),
    # Last, for digits hold back what comes after them, and a hang-up overtakes it.
    (c.SendDigits, {"digits": "1"}),
]
STORIES = [
    caller_hangs_up,
    caller_is_refused,
    seat_answers_and_leaves,
    seat_rejects,
    seat_does_not_answer,
    seat_has_vanished,
    seat_was_never_there,
    seat_is_dialled_twice,
    nothing_is_done_with_a_ringing_leg,
    nothing_is_done_with_a_ghost,
    prompts_queue_and_are_stopped,
    prompt_ends_with_the_call,
    keys_and_the_dialplan,
]


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskServer]:
    async with run_asterisk(tmp_path_factory.mktemp("asterisk")) as running:
        yield running


async def in_memory(story: Story) -> dict[str, list[Any]]:
    switch = Switch(NODE, phones={f"PJSIP/{seat}": Phone(habit=Habit.UNREGISTERED) for seat in SEATS})
    switch.connect()
    assert isinstance(switch.advance(0.0)[0], NodeUp)
    world = Memory(switch, [])
    await story(world)
    world.facts += switch.advance(switch.now + 0.5)
    return told(world.facts, world.channel)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_both_tell_the_same(server: AsteriskServer, story: Story) -> None:
    expected = await in_memory(story)
    async with run_rig(server) as rig:
        world = Real(rig, len(rig.facts))
        await story(world)
        await rig.settled()

        def seen() -> dict[str, list[Any]]:
            return told(rig.facts[world.begun :], world.channel)

        try:
            async with asyncio.timeout(3):
                while seen() != expected:
                    await rig.more()
        except TimeoutError:
            assert seen() == expected
