"""The in-memory switch: what it does, what it refuses, and that a seed decides everything."""

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd import commands as c
from acd.events import (
    CallOffered,
    CommandFailed,
    DigitReceived,
    LegAnswered,
    LegEnded,
    LegHeard,
    LegRinging,
    NodeDown,
    NodeUp,
    PeerHeld,
    PlaybackFinished,
    PlaybackStarted,
    SwitchEvent,
)
from acd.ids import BridgeId, CallId, ChannelId, NodeId, PlaybackId
from simulators.switch import (
    MUSIC,
    RINGBACK,
    SILENCE,
    Faults,
    Habit,
    Phone,
    Switch,
    SwitchTelephony,
    prompt,
)

NODE, CALL = NodeId("sim"), CallId("call")
SEAT, LEG, BRIDGE = "PJSIP/a1001", ChannelId("leg"), BridgeId("b")
AT_ONCE = Phone(ring_after=0.0, after=0.0)


def connected(**options: object) -> Switch:
    switch = Switch(**options)  # type: ignore[arg-type]
    switch.connect()
    assert isinstance(switch.advance(0.0)[0], NodeUp)
    return switch


def do(switch: Switch, kind: type[c.Command], **fields: object) -> list[SwitchEvent]:
    """Send one command and return what comes of it at once."""
    switch.send(kind(node=NODE, call=CALL, **fields))
    return switch.advance(switch.now)


def originate(switch: Switch, channel: str = LEG, ring_for: float = 20.0) -> list[SwitchEvent]:
    return do(
        switch,
        c.Originate,
        channel=channel,
        endpoint=SEAT,
        caller_number="139",
        caller_name="",
        ring_for=ring_for,
    )


def caller(switch: Switch, *, answered: bool = True) -> ChannelId:
    channel = switch.offer()
    switch.advance(switch.now)
    if answered:
        assert do(switch, c.Answer, channel=channel) == []
    return channel


def failures(facts: list[SwitchEvent]) -> list[tuple[str, str, int]]:
    return [(f.what, f.subject, f.status) for f in facts if isinstance(f, CommandFailed)]


def test_a_call_is_offered_with_what_the_trunk_said() -> None:
    switch = connected()
    channel = switch.offer(dialled="097412345", caller="13909710001", trunk="t1", headers={"Diversion": "1"})
    (offered,) = switch.advance(0.0)
    assert isinstance(offered, CallOffered)
    assert (offered.channel, offered.dialled, offered.caller, offered.trunk) == (
        channel,
        "097412345",
        "13909710001",
        "t1",
    )
    assert offered.headers == {"Diversion": "1"}


def test_two_parties_hear_each_other_in_a_bridge_only() -> None:
    switch = connected(phones={SEAT: AT_ONCE})
    one = caller(switch)
    assert [type(f) for f in originate(switch)] == [LegRinging, LegAnswered]
    assert switch.hears(one) == switch.hears(LEG) == {SILENCE}
    do(switch, c.CreateBridge, bridge=BRIDGE)
    for channel in (one, LEG):
        assert do(switch, c.Join, bridge=BRIDGE, channel=channel) == []
    assert switch.hears(one) == {LEG}
    assert switch.hears(LEG) == {one}
    do(switch, c.Leave, bridge=BRIDGE, channel=one)
    assert switch.hears(one) == switch.hears(LEG) == {SILENCE}
    do(switch, c.DestroyBridge, bridge=BRIDGE)
    assert switch.members(BRIDGE) == frozenset()


def test_music_outlasts_a_prompt_and_a_prompt_covers_it() -> None:
    switch = connected(media_seconds=lambda media: 2.0)
    one = caller(switch)
    do(switch, c.MusicOn, channel=one)
    assert switch.hears(one) == {MUSIC}
    started = do(switch, c.Play, channel=one, playback=PlaybackId("p"), media=("sound:a", "sound:b"))
    assert started == [PlaybackStarted(node=NODE, playback=PlaybackId("p"))]
    assert switch.hears(one) == {prompt("sound:a")}
    assert switch.advance(3.9) == []
    assert switch.advance(4.0) == [PlaybackFinished(node=NODE, playback=PlaybackId("p"))]
    assert switch.hears(one) == {MUSIC}
    do(switch, c.MusicOff, channel=one)
    assert switch.hears(one) == {SILENCE}


def test_prompts_queue_and_joining_ends_them_latest_first() -> None:
    switch = connected()
    one = caller(switch)
    do(switch, c.CreateBridge, bridge=BRIDGE)
    for name in ("p1", "p2"):
        do(switch, c.Play, channel=one, playback=PlaybackId(name), media=("sound:a",))
    ended = do(switch, c.Join, bridge=BRIDGE, channel=one)
    assert [f.playback for f in ended if isinstance(f, PlaybackFinished)] == ["p2", "p1"]
    assert not any(isinstance(f, PlaybackStarted) for f in ended)
    assert switch.advance(10.0) == []


def test_who_listens_to_a_prompt_is_not_heard() -> None:
    switch = connected(phones={SEAT: AT_ONCE})
    one = caller(switch)
    originate(switch)
    do(switch, c.CreateBridge, bridge=BRIDGE)
    do(switch, c.Join, bridge=BRIDGE, channel=one)
    do(switch, c.Join, bridge=BRIDGE, channel=LEG)
    do(switch, c.Play, channel=one, playback=PlaybackId("p"), media=("sound:a",))
    assert switch.hears(LEG) == {SILENCE}
    do(switch, c.StopPlayback, playback=PlaybackId("p"))
    assert switch.hears(LEG) == {one}


def test_ringback_until_answered() -> None:
    switch = connected()
    one = caller(switch, answered=False)
    do(switch, c.Ring, channel=one)
    assert switch.hears(one) == {RINGBACK}
    do(switch, c.Answer, channel=one)
    assert switch.hears(one) == {SILENCE}


@pytest.mark.parametrize(
    ("phone", "told", "cause"),
    [
        (Phone(habit=Habit.REJECTS, after=1.0), [LegRinging, LegEnded], 17),
        (Phone(habit=Habit.REJECTS, after=1.0, cause=21), [LegRinging, LegEnded], 21),
        (Phone(habit=Habit.RINGS_OUT), [LegRinging, LegEnded], 19),
        (Phone(habit=Habit.SILENT), [LegEnded], 19),
        (Phone(habit=Habit.MANUAL), [LegRinging, LegEnded], 19),
    ],
)
def test_how_a_leg_ends_that_nobody_answers(phone: Phone, told: list[type], cause: int) -> None:
    switch = connected(phones={SEAT: phone})
    assert originate(switch, ring_for=15.0) == []
    facts = switch.advance(14.9) + switch.advance(15.0)
    assert [type(f) for f in facts] == told
    assert isinstance(facts[-1], LegEnded)
    assert facts[-1].cause == cause
    assert LEG not in switch.channels


def test_what_cannot_be_dialled_fails_at_once() -> None:
    switch = connected(phones={SEAT: Phone(habit=Habit.UNREGISTERED)})
    assert failures(originate(switch)) == [("Originate", LEG, 404)]
    assert switch.channels == {}


def test_a_person_answers_declines_holds_and_presses() -> None:
    switch = connected(phones={SEAT: Phone(habit=Habit.MANUAL, ring_after=0.0)})
    originate(switch)
    switch.press(LEG, "9")
    switch.pick_up(LEG)
    switch.press(LEG, "*1")
    switch.hold(LEG)
    switch.hold(LEG, held=False)
    switch.hang_up(LEG, 31)
    switch.pick_up(LEG)
    assert switch.advance(0.0) == [
        LegAnswered(node=NODE, channel=LEG),
        DigitReceived(node=NODE, channel=LEG, digit="*"),
        DigitReceived(node=NODE, channel=LEG, digit="1"),
        PeerHeld(node=NODE, channel=LEG, held=True),
        PeerHeld(node=NODE, channel=LEG, held=False),
        LegEnded(node=NODE, channel=LEG, cause=31),
    ]
    originate(switch, "second")
    switch.decline(ChannelId("second"))
    assert switch.advance(0.0) == [LegEnded(node=NODE, channel=ChannelId("second"), cause=21)]


def test_a_phone_answers_when_asked() -> None:
    switch = connected(phones={SEAT: Phone(habit=Habit.MANUAL, ring_after=0.0)})
    originate(switch)
    assert do(switch, c.AnswerPhone, channel=LEG) == [LegAnswered(node=NODE, channel=LEG)]
    assert failures(do(switch, c.AnswerPhone, channel=LEG)) == [("AnswerPhone", LEG, 0)]


def test_a_line_is_heard_before_it_answers_by_whoever_shares_its_bridge() -> None:
    switch = Switch(phones={"PJSIP/1@t": Phone(habit=Habit.MANUAL, sounds_after=1.0)})
    switch.connect()
    caller = switch.offer()
    leg, bridge, call = ChannelId("leg"), BridgeId("b"), CallId("k")
    of = {"node": switch.node, "call": call}
    for command in (
        c.CreateBridge(bridge=bridge, **of),
        c.Join(bridge=bridge, channel=caller, **of),
        c.Originate(
            channel=leg,
            endpoint="PJSIP/1@t",
            caller_number="",
            caller_name="",
            ring_for=9.0,
            early=True,
            **of,
        ),
        c.Join(bridge=bridge, channel=leg, **of),
    ):
        switch.send(command)
    switch.advance(0.5)
    assert switch.hears(caller) == {SILENCE}
    assert LegHeard(node=switch.node, channel=leg) in switch.advance(1.0)
    assert switch.hears(caller) == {leg}
    switch.pick_up(leg)
    assert LegAnswered(node=switch.node, channel=leg) in switch.advance(1.0)
    assert switch.hears(caller) == {leg}


def test_illegal_commands_are_refused_as_by_the_real_one() -> None:
    switch = connected(phones={SEAT: Phone(habit=Habit.MANUAL, ring_after=0.0)})
    originate(switch)
    do(switch, c.CreateBridge, bridge=BRIDGE)
    ghost = ChannelId("ghost")
    play = {"playback": PlaybackId("p"), "media": ("sound:a",)}
    expected: list[tuple[type[c.Command], dict[str, object], int]] = [
        (c.Answer, {"channel": ghost}, 404),
        (c.Answer, {"channel": LEG}, 409),
        (c.Play, {"channel": ghost, **play}, 404),
        (c.Play, {"channel": LEG, **play}, 409),
        (c.MusicOn, {"channel": LEG}, 409),
        (c.Ring, {"channel": LEG}, 409),
        (c.SendDigits, {"channel": LEG, "digits": "1"}, 409),
        (c.Join, {"channel": ghost, "bridge": BRIDGE}, 400),
        (c.Join, {"channel": LEG, "bridge": BRIDGE}, 422),
        (c.Join, {"channel": LEG, "bridge": BridgeId("none")}, 404),
        (c.ToDialplan, {"channel": LEG, "context": "x", "extension": "s"}, 409),
    ]
    for kind, fields, status in expected:
        assert [f[2] for f in failures(do(switch, kind, **fields))] == [status], (kind, fields)


def test_wishes_already_fulfilled_are_no_failures() -> None:
    switch = connected()
    ghost = ChannelId("ghost")
    for kind, fields in (
        (c.Hangup, {"channel": ghost}),
        (c.StopPlayback, {"playback": PlaybackId("p")}),
        (c.MusicOff, {"channel": ghost}),
        (c.Ring, {"channel": ghost, "on": False}),
        (c.Leave, {"channel": ghost, "bridge": BRIDGE}),
        (c.DestroyBridge, {"bridge": BRIDGE}),
        (c.CreateBridge, {"bridge": BRIDGE}),
        (c.CreateBridge, {"bridge": BRIDGE}),
    ):
        assert do(switch, kind, **fields) == [], kind


def test_given_back_to_the_dialplan_a_caller_is_no_longer_ours() -> None:
    switch = connected()
    one = caller(switch)
    assert do(switch, c.ToDialplan, channel=one, context="safety-net", extension="s") == [
        LegEnded(node=NODE, channel=one)
    ]
    switch.hang_up(one)
    assert switch.advance(1.0) == []


def test_a_broken_link_loses_facts_and_leaves_commands_in_doubt() -> None:
    switch = connected(faults=Faults(command_delay=(1.0, 1.0)))
    one = caller_in(switch)
    switch.send(c.Answer(node=NODE, call=CALL, channel=one))
    switch.disconnect()
    facts = switch.advance(0.5)
    assert isinstance(facts[0], NodeDown)
    assert failures(facts) == [("Answer", one, 0)]
    switch.hang_up(one)
    unheard = switch.offer()
    switch.send(c.Hangup(node=NODE, call=CALL, channel=one))
    assert failures(switch.advance(3.0)) == [("Hangup", one, 0)]
    switch.connect()
    assert switch.advance(3.0) == [NodeUp(node=NODE)]
    assert unheard in switch.channels


def test_a_playback_that_ended_without_a_link_is_told_by_the_next() -> None:
    switch = connected()
    one = caller(switch)
    do(switch, c.Play, channel=one, playback=PlaybackId("p1"), media=("sound:x",))
    switch.disconnect()
    switch.advance(10.0)
    switch.connect()
    told = switch.advance(0.0)
    assert [type(fact) for fact in told[-2:]] == [NodeUp, PlaybackFinished]


def caller_in(switch: Switch) -> ChannelId:
    channel = switch.offer()
    switch.advance(switch.now)
    return channel


def test_reconnecting_tells_what_lives() -> None:
    switch = connected(phones={SEAT: Phone(habit=Habit.RINGS_OUT)})
    one = caller(switch)
    originate(switch)
    do(switch, c.CreateBridge, bridge=BRIDGE)
    switch.disconnect()
    switch.connect()
    up = NodeUp(node=NODE, channels=(one, LEG), bridges=(BRIDGE,), answered=(one,))
    assert switch.advance(0.0)[-1] == up


@pytest.mark.parametrize(
    ("faults", "status", "answered"),
    [
        (Faults(lost=1.0), 0, False),
        (Faults(unanswered=1.0), 0, True),
        (Faults(refused=1.0), 500, False),
    ],
)
def test_faults(faults: Faults, status: int, answered: bool) -> None:
    switch = connected(faults=faults)
    one = caller_in(switch)
    do(switch, c.CreateBridge, bridge=BRIDGE)
    switch.send(c.Answer(node=NODE, call=CALL, channel=one))
    facts = switch.advance(6.0)
    assert ("Answer", one, status) in failures(facts)
    assert (switch.channels[one].state == "up") is answered


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("offer", "dial", "answer", "join", "leave", "play", "stop", "music", "hangup"),
                *("bye", "press", "digits", "dialplan", "drop", "back", "wait", "ask", "destroy"),
            ]
        ),
        st.integers(0, 3),
    ),
    max_size=60,
)
FAULTS = st.builds(
    Faults,
    command_delay=st.tuples(st.just(0.0), st.floats(0.0, 0.5)),
    event_delay=st.tuples(st.just(0.0), st.floats(0.0, 0.5)),
    lost=st.sampled_from([0.0, 0.2]),
    unanswered=st.sampled_from([0.0, 0.2]),
    refused=st.sampled_from([0.0, 0.2]),
)


def play_out(operations: list[tuple[str, int]], faults: Faults, seed: int) -> list[SwitchEvent]:
    """Run a story; returns all facts. The invariants that hold at each step are checked here."""
    habits = list(Habit)
    phones = {f"PJSIP/s{i}": Phone(habit=habits[i], after=0.3) for i in range(4)}
    switch = connected(faults=faults, seed=seed, phones=phones)
    told: list[SwitchEvent] = []
    callers: list[ChannelId] = []
    for step, (what, i) in enumerate(operations):
        channel = (callers + [ChannelId(f"leg{n}") for n in range(4)])[i - 4 if i % 2 else i]
        one = {"node": NODE, "call": CALL, "channel": channel}
        bridge = {"node": NODE, "call": CALL, "bridge": BridgeId(f"b{i % 2}")}
        leg = {**one, "channel": ChannelId(f"leg{i}"), "endpoint": f"PJSIP/s{i}"}
        actions: dict[str, Callable[[], object]] = {
            "offer": lambda: callers.append(switch.offer()),
            "dial": lambda leg=leg: switch.send(
                c.Originate(caller_number="", caller_name="", ring_for=2.0, **leg)
            ),
            "answer": lambda one=one: switch.send(c.Answer(**one)),
            "join": lambda one=one, bridge=bridge: (
                switch.send(c.CreateBridge(**bridge)),
                switch.send(c.Join(**{**one, **bridge})),
            ),
            "leave": lambda one=one, bridge=bridge: switch.send(c.Leave(**{**one, **bridge})),
            "play": lambda one=one, step=step: switch.send(
                c.Play(playback=PlaybackId(f"p{step}"), media=("sound:a",), **one)
            ),
            "stop": lambda step=step: switch.send(
                c.StopPlayback(node=NODE, call=CALL, playback=PlaybackId(f"p{step - 1}"))
            ),
            "music": lambda one=one: switch.send(c.MusicOn(**one)),
            "hangup": lambda one=one: switch.send(c.Hangup(**one)),
            "bye": lambda channel=channel: switch.hang_up(channel),
            "press": lambda channel=channel: switch.press(channel, "1#"),
            "digits": lambda one=one: switch.send(c.SendDigits(digits="1", **one)),
            "dialplan": lambda one=one: switch.send(c.ToDialplan(context="x", extension="s", **one)),
            "drop": switch.disconnect,
            "back": lambda: None if switch.connected else switch.connect(),
            "wait": lambda: None,
            "ask": lambda one=one: switch.send(c.AnswerPhone(**one)),
            "destroy": lambda bridge=bridge: switch.send(c.DestroyBridge(**bridge)),
        }
        actions[what]()
        told += switch.advance(step * 0.25)
        for live in switch.channels:
            assert switch.hears(live)
            assert live not in switch.hears(live)
    return told + switch.advance(1000.0)


@settings(max_examples=150, deadline=None)
@given(OPERATIONS, FAULTS, st.integers(0, 5))
def test_any_story_is_consistent_and_repeatable(
    operations: list[tuple[str, int]], faults: Faults, seed: int
) -> None:
    told = play_out(operations, faults, seed)
    assert told == play_out(operations, faults, seed)
    ends = Counter(f.channel for f in told if isinstance(f, LegEnded))
    offers = [f.channel for f in told if isinstance(f, CallOffered)]
    assert all(ends[channel] <= 1 for channel in offers)
    gone: set[ChannelId] = set()
    for fact in told:
        if isinstance(fact, LegEnded):
            gone.add(fact.channel)
        elif isinstance(fact, LegAnswered | DigitReceived) and fact.channel in offers:
            assert fact.channel not in gone
    finished = Counter(f.playback for f in told if isinstance(f, PlaybackFinished))
    assert all(count == 1 for count in finished.values())
    up = [isinstance(f, NodeUp) for f in told if isinstance(f, NodeUp | NodeDown)]
    assert all(a != b for a, b in pairwise(up))


async def test_as_telephony_in_real_time() -> None:
    loop = asyncio.get_running_loop()
    switch = Switch(clock=loop.time, now=loop.time(), phones={SEAT: Phone(ring_after=0.01, after=0.03)})
    telephony = SwitchTelephony(switch, loop.time)
    facts: asyncio.Queue[SwitchEvent] = asyncio.Queue()
    running = asyncio.create_task(telephony.run(facts.put_nowait))
    try:
        async with asyncio.timeout(2):
            assert await facts.get() == NodeUp(node=NODE)
            one = switch.offer()
            offered = await facts.get()
            assert isinstance(offered, CallOffered)
            telephony.send(
                c.Originate(
                    node=NODE,
                    call=CALL,
                    channel=LEG,
                    endpoint=SEAT,
                    caller_number="",
                    caller_name="",
                    ring_for=5.0,
                )
            )
            assert await facts.get() == LegRinging(node=NODE, channel=LEG)
            assert await facts.get() == LegAnswered(node=NODE, channel=LEG)
            switch.hang_up(one)
            assert await facts.get() == LegEnded(node=NODE, channel=one, cause=16)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert not switch.connected
