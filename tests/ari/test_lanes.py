"""Order, prompts, digits, background sound: what leaves when."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd import commands as c
from acd.ids import BridgeId, CallId, ChannelId, NodeId, PlaybackId
from callrouter.ari.lanes import DIGITS_MARGIN, MAX_HELD, SECONDS_PER_DIGIT, Lanes

NODE, ONE, TWO = NodeId("n"), CallId("one"), CallId("two")
CH, OTHER, BRIDGE = ChannelId("c"), ChannelId("d"), BridgeId("b")


def play(name: str, channel: ChannelId = CH, call: CallId = ONE) -> c.Play:
    return c.Play(node=NODE, call=call, channel=channel, playback=PlaybackId(name), media=("sound:a",))


def stop(name: str) -> c.StopPlayback:
    return c.StopPlayback(node=NODE, call=ONE, playback=PlaybackId(name))


def digits(text: str, channel: ChannelId = CH) -> c.SendDigits:
    return c.SendDigits(node=NODE, call=ONE, channel=channel, digits=text)


JOIN = c.Join(node=NODE, call=ONE, bridge=BRIDGE, channel=CH)
LEAVE = c.Leave(node=NODE, call=ONE, bridge=BRIDGE, channel=CH)
ANSWER = c.Answer(node=NODE, call=ONE, channel=CH)
MUSIC = c.MusicOn(node=NODE, call=ONE, channel=CH)
MUSIC_OFF = c.MusicOff(node=NODE, call=ONE, channel=CH)
RING = c.Ring(node=NODE, call=ONE, channel=CH)
HANGUP = c.Hangup(node=NODE, call=ONE, channel=CH)


def pushed(lanes: Lanes, commands: Sequence[c.Command], now: float = 0.0) -> list[c.Command]:
    return [out for command in commands for out in lanes.push(command, now)]


@pytest.mark.parametrize("blocking", [JOIN, LEAVE, ANSWER])
def test_what_plays_is_stopped_first_latest_first(blocking: c.Command) -> None:
    lanes = Lanes()
    pushed(lanes, [play("p1"), play("p2"), play("q", OTHER)])
    assert lanes.push(blocking, 0.0) == [stop("p2"), stop("p1"), blocking]
    assert lanes.push(blocking, 0.0) == [blocking]


@pytest.mark.parametrize("end", ["finished", "stopped", "failed", "leg"])
def test_a_prompt_that_is_over_needs_no_stop(end: str) -> None:
    lanes = Lanes()
    lanes.push(play("p1"), 0.0)
    if end == "finished":
        lanes.playback_finished(PlaybackId("p1"))
    elif end == "stopped":
        lanes.push(stop("p1"), 0.0)
    elif end == "failed":
        lanes.failed(play("p1"))
    else:
        lanes.leg_ended(CH)
    assert lanes.push(JOIN, 0.0) == [JOIN]


def test_digits_hold_back_their_call_and_no_other() -> None:
    lanes = Lanes()
    other = c.Answer(node=NODE, call=TWO, channel=OTHER)
    assert pushed(lanes, [digits("123"), JOIN, MUSIC_OFF, other]) == [digits("123"), other]
    due = 3 * SECONDS_PER_DIGIT + DIGITS_MARGIN
    assert lanes.next_deadline() == due
    assert lanes.due(due - 0.01) == []
    assert lanes.due(due) == [JOIN, MUSIC_OFF]
    assert lanes.next_deadline() is None
    assert lanes.push(JOIN, due) == [JOIN]


def test_digits_add_up() -> None:
    lanes = Lanes()
    pushed(lanes, [digits("1"), digits("2"), JOIN])
    assert lanes.next_deadline() == pytest.approx(2 * (SECONDS_PER_DIGIT + DIGITS_MARGIN))


def test_digits_that_were_refused_hold_nothing_back() -> None:
    lanes = Lanes()
    pushed(lanes, [digits("1" * 200), JOIN])
    lanes.failed(digits("1" * 200))
    assert lanes.due(0.0) == [JOIN]
    lanes.failed(digits("1", OTHER))


def test_a_hang_up_waits_for_no_digits() -> None:
    lanes = Lanes()
    pushed(lanes, [digits("1" * 32), JOIN])
    assert lanes.push(HANGUP, 0.1) == [HANGUP]
    lanes.leg_ended(CH)
    assert lanes.due(0.1) == [JOIN]


def test_what_may_be_held_is_bounded() -> None:
    lanes = Lanes()
    pushed(lanes, [digits("1"), JOIN])
    for _ in range(MAX_HELD - 1):
        lanes.push(MUSIC, 0.0)
    with pytest.raises(OverflowError):
        lanes.push(MUSIC, 0.0)


def test_music_comes_back_after_the_last_prompt() -> None:
    lanes = Lanes()
    pushed(lanes, [MUSIC, play("p1"), play("p2")])
    assert lanes.playback_finished(PlaybackId("p1")) == []
    assert lanes.playback_finished(PlaybackId("p2")) == [MUSIC]
    assert lanes.playback_finished(PlaybackId("p2")) == []


def test_music_comes_back_after_a_prompt_that_was_stopped() -> None:
    lanes = Lanes()
    pushed(lanes, [play("p1"), MUSIC, stop("p1")])
    assert lanes.playback_finished(PlaybackId("p1")) == [MUSIC]


@pytest.mark.parametrize("end", [MUSIC_OFF, c.Ring(node=NODE, call=ONE, channel=CH, on=False)])
def test_nothing_comes_back_that_was_turned_off(end: c.Command) -> None:
    lanes = Lanes()
    pushed(lanes, [MUSIC, play("p1"), end])
    assert lanes.playback_finished(PlaybackId("p1")) == []


def test_music_that_was_refused_does_not_come_back() -> None:
    lanes = Lanes()
    pushed(lanes, [MUSIC, play("p1")])
    lanes.failed(MUSIC)
    assert lanes.playback_finished(PlaybackId("p1")) == []


@pytest.mark.parametrize("connecting", [ANSWER, JOIN])
def test_ringback_ends_with_the_waiting_and_music_does_not(connecting: c.Command) -> None:
    for background, back in ((RING, []), (MUSIC, [MUSIC])):
        lanes = Lanes()
        pushed(lanes, [background, connecting, play("p1")])
        assert lanes.playback_finished(PlaybackId("p1")) == back


def test_a_lost_link_gives_back_what_was_held() -> None:
    lanes = Lanes()
    pushed(lanes, [MUSIC, play("p1"), digits("1"), JOIN, MUSIC_OFF])
    assert lanes.clear() == [JOIN, MUSIC_OFF]
    assert lanes.push(JOIN, 0.0) == [JOIN]
    assert lanes.playback_finished(PlaybackId("p1")) == []


COMMANDS = st.sampled_from(
    [
        *(JOIN, LEAVE, ANSWER, MUSIC, MUSIC_OFF, RING, digits("12"), digits("9", OTHER)),
        *(play("p1"), play("p2"), stop("p1"), play("q", OTHER, TWO)),
        c.Join(node=NODE, call=TWO, bridge=BRIDGE, channel=OTHER),
    ]
)


@given(st.lists(st.tuples(COMMANDS, st.floats(0.0, 0.5))))
def test_every_command_leaves_once_and_in_its_calls_order(story: list[tuple[c.Command, float]]) -> None:
    lanes, now = Lanes(), 0.0
    left: list[c.Command] = []
    for command, pause in story:
        left += lanes.push(command, now)
        now += pause
        left += lanes.due(now)
    while (deadline := lanes.next_deadline()) is not None:
        left += lanes.due(deadline)
    for call in (ONE, TWO):
        asked = [command for command, _ in story if command.call == call]
        remaining = iter(command for command in left if command.call == call)
        assert all(command in remaining for command in asked)
    added = [command for command in left if isinstance(command, c.StopPlayback)]
    asked_stops = [command for command, _ in story if isinstance(command, c.StopPlayback)]
    assert len(left) - len(added) == len(story) - len(asked_stops)
