"""The conversation, message by message: no sockets, no clock."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from acd import commands as c
from acd.events import (
    CallOffered,
    CommandFailed,
    LegAnswered,
    LegEnded,
    LegHeard,
    LegSilent,
    NodeDown,
    NodeUp,
    PacketsCounted,
    PlaybackFinished,
    PlaybackStarted,
    SwitchEvent,
)
from acd.ids import BridgeId, CallId, ChannelId, NodeId, PlaybackId
from callrouter.ari import models
from callrouter.ari.protocol import MAX_EARLY, AriProtocol, Overrun
from tests.ari.said import caller, channel, entered, of_channel, playback, reply, said

NODE, CALL, OTHER = NodeId("n1"), CallId("k"), CallId("other")
IN, LEG = ChannelId("1795412490.0"), ChannelId("leg-1")
ANSWER = c.Answer(node=NODE, call=CALL, channel=IN)
HANGUP = c.Hangup(node=NODE, call=CALL, channel=IN, cause=17)
MUSIC = c.MusicOn(node=NODE, call=CALL, channel=IN)
PLAY = c.Play(node=NODE, call=CALL, channel=IN, playback=PlaybackId("p"), media=("sound:a",))
ORIGINATE = c.Originate(
    node=NODE, call=CALL, channel=LEG, endpoint="PJSIP/a1", caller_number="1", caller_name="", ring_for=9.0
)


EARLY = replace(ORIGINATE, early=True)


def opened(*, timeout: float = 5.0, most: int = 100) -> AriProtocol:
    protocol = AriProtocol(NODE, "callrouter", request_timeout=timeout, max_outstanding=most)
    protocol.opened()
    return protocol


@pytest.fixture
def link() -> AriProtocol:
    protocol = opened()
    protocol.came_up([], [])
    assert facts(protocol) == [NodeUp(node=NODE)]
    return protocol


def facts(protocol: AriProtocol) -> list[SwitchEvent]:
    told = list(protocol.facts)
    protocol.facts.clear()
    return told


def sent(protocol: AriProtocol) -> list[dict[str, Any]]:
    frames = [json.loads(frame) for frame in protocol.frames]
    protocol.frames.clear()
    return frames


def asked(protocol: AriProtocol) -> list[str]:
    return [f"{one['method']} {one['uri']}" for one in sent(protocol)]


def failures(protocol: AriProtocol) -> list[tuple[str, str, int]]:
    return [(f.what, f.subject, f.status) for f in facts(protocol) if isinstance(f, CommandFailed)]


def test_facts_wait_for_what_lives() -> None:
    protocol = opened()
    protocol.receive(caller(), 0.0)
    protocol.receive(of_channel("StasisEnd", "old"), 0.0)
    assert facts(protocol) == []
    living = [models.Channel(id="old", state="Up"), models.Channel(id=IN, state="Ring")]
    protocol.came_up(living, ["b1"])
    up, offered, ended = facts(protocol)
    old = (ChannelId("old"),)
    assert up == NodeUp(node=NODE, channels=old, bridges=(BridgeId("b1"),), answered=old)
    assert isinstance(offered, CallOffered)
    assert isinstance(ended, LegEnded)


def test_what_waits_is_bounded() -> None:
    protocol = opened()
    digit = of_channel("ChannelDtmfReceived", IN, digit="1", duration_ms=1)
    for _ in range(MAX_EARLY):
        protocol.receive(digit, 0.0)
    with pytest.raises(Overrun):
        protocol.receive(digit, 0.0)


def test_requests_keep_their_order_and_replies_find_them(link: AriProtocol) -> None:
    for command in (ANSWER, PLAY, HANGUP):
        link.send(command, 1.0)
    frames = sent(link)
    assert [one["uri"] for one in frames] == [
        f"channels/{IN}/answer",
        f"channels/{IN}/play/p",
        f"channels/{IN}",
    ]
    link.receive(reply(frames[1]["transaction_id"], 409, "Channel not in Stasis application"), 1.5)
    link.receive(reply(frames[0]["transaction_id"], 204), 1.5)
    assert facts(link) == [
        CommandFailed(
            node=NODE,
            call=CALL,
            what="Play",
            subject="p",
            status=409,
            reason="Channel not in Stasis application",
        )
    ]
    assert list(link.metrics.round_trips) == [0.5, 0.5]
    assert link.metrics.requests == {"Answer": 1, "Play": 1, "Hangup": 1}
    assert link.metrics.failures == {409: 1}


def test_without_a_link_commands_fail_at_once() -> None:
    protocol = opened()
    protocol.send(ANSWER, 0.0)
    assert failures(protocol) == [("Answer", IN, 0)]
    assert not protocol.frames


def test_no_reply_in_time_is_a_failure_and_a_late_one_is_counted(link: AriProtocol) -> None:
    link.send(ANSWER, 1.0)
    link.send(HANGUP, 2.0)
    assert link.next_deadline() == 6.0
    link.tick(5.9)
    assert failures(link) == []
    link.tick(6.0)
    assert failures(link) == [("Answer", IN, 0)]
    assert link.next_deadline() == 7.0
    link.receive(reply(1, 204), 6.5)
    link.receive(reply("nonsense", 204), 6.5)
    assert link.metrics.late_replies == 2
    link.receive(reply(2, 204), 6.6)
    assert link.next_deadline() is None


def test_a_request_behind_many_others_is_not_given_up_while_they_are_answered(link: AriProtocol) -> None:
    for _ in range(3):
        link.send(ANSWER, 0.0)
    link.receive(reply(1, 204), 4.0)
    link.tick(6.0)
    assert failures(link) == []
    assert link.next_deadline() == 9.0, "from the last answer on"
    link.receive(reply(3, 204), 8.0)
    link.tick(8.1)
    assert failures(link) == [("Answer", IN, 0)], "passed over: never to be answered"
    assert link.next_deadline() is None


def test_commands_beyond_the_bound_fail() -> None:
    protocol = opened(most=2)
    protocol.came_up([], [])
    facts(protocol)
    for _ in range(3):
        protocol.send(ANSWER, 0.0)
    assert len(protocol.frames) == 2
    (failed,) = facts(protocol)
    assert isinstance(failed, CommandFailed)
    assert "wait for Asterisk's reply" in failed.reason


def test_what_cannot_be_encoded_fails_and_harms_nothing(link: AriProtocol) -> None:
    link.send(c.SendDigits(node=NODE, call=CALL, channel=IN, digits="1" * 200), 0.0)
    link.send(ANSWER, 0.0)
    assert failures(link) == [("SendDigits", IN, 0)]
    assert len(link.frames) == 1


def test_a_lost_link_leaves_everything_under_way_in_doubt(link: AriProtocol) -> None:
    link.send(ANSWER, 0.0)
    link.send(c.SendDigits(node=NODE, call=OTHER, channel=LEG, digits="1"), 0.0)
    link.send(c.Join(node=NODE, call=OTHER, channel=LEG, bridge=BridgeId("b")), 0.0)
    link.lost()
    down, *rest = facts(link)
    assert down == NodeDown(node=NODE)
    assert [(f.what, f.status) for f in rest if isinstance(f, CommandFailed)] == [
        ("Answer", 0),
        ("SendDigits", 0),
        ("Join", 0),
    ]
    assert not link.frames
    assert link.next_deadline() is None
    link.lost()
    assert facts(link) == []


def test_when_nobody_takes_the_facts_only_the_end_of_the_link_is_told(link: AriProtocol) -> None:
    link.send(ANSWER, 0.0)
    link.receive(caller(), 0.0)
    link.abandon()
    assert facts(link) == [NodeDown(node=NODE)]


def test_digits_hold_a_join_back_until_their_time(link: AriProtocol) -> None:
    link.send(c.SendDigits(node=NODE, call=CALL, channel=IN, digits="12"), 0.0)
    link.send(c.Join(node=NODE, call=CALL, channel=IN, bridge=BridgeId("b")), 0.0)
    assert asked(link) == [f"POST channels/{IN}/dtmf"]
    due = link.next_deadline()
    assert due is not None
    assert 0.4 < due < 1.0
    link.tick(due)
    assert asked(link) == ["POST bridges/b/addChannel"]


def test_joining_ends_the_prompt(link: AriProtocol) -> None:
    link.send(PLAY, 0.0)
    link.send(c.Join(node=NODE, call=CALL, channel=IN, bridge=BridgeId("b")), 0.0)
    assert asked(link)[1:] == ["DELETE playbacks/p", "POST bridges/b/addChannel"]


def test_music_comes_back_after_a_prompt_but_not_to_who_leaves(link: AriProtocol) -> None:
    link.receive(caller(), 0.0)
    link.send(MUSIC, 0.0)
    link.send(PLAY, 0.0)
    link.receive(playback("PlaybackStarted", "p", "playing"), 0.0)
    sent(link)
    link.receive(playback("PlaybackFinished", "p", "done"), 1.0)
    assert asked(link) == [f"POST channels/{IN}/moh"]
    link.receive(reply(3, 404, "Channel not found"), 1.0)
    assert [type(f) for f in facts(link)] == [CallOffered, PlaybackStarted, PlaybackFinished]

    link.send(PLAY, 2.0)
    sent(link)
    link.receive(of_channel("ChannelHangupRequest", IN), 2.0)
    link.receive(playback("PlaybackFinished", "p", "failed"), 2.0)
    assert asked(link) == []


def test_hanging_up_who_is_gone_is_the_end_of_the_leg(link: AriProtocol) -> None:
    link.receive(caller(), 0.0)
    facts(link)
    link.send(HANGUP, 0.0)
    link.receive(reply(1, 404, "Channel not found"), 0.0)
    assert facts(link) == [LegEnded(node=NODE, channel=IN, cause=17)]
    link.receive(of_channel("StasisEnd", IN), 0.0)
    assert facts(link) == []
    link.send(HANGUP, 0.0)
    link.receive(reply(2, 404, "Channel not found"), 0.0)
    assert facts(link) == []


FULFILLED: list[tuple[c.Command, int]] = [
    (c.StopPlayback(node=NODE, call=CALL, playback=PlaybackId("p")), 404),
    (c.MusicOff(node=NODE, call=CALL, channel=IN), 404),
    (c.MusicOff(node=NODE, call=CALL, channel=IN), 409),
    (c.Ring(node=NODE, call=CALL, channel=IN, on=False), 404),
    (c.Leave(node=NODE, call=CALL, channel=IN, bridge=BridgeId("b")), 422),
    (c.Leave(node=NODE, call=CALL, channel=IN, bridge=BridgeId("b")), 400),
    (c.Leave(node=NODE, call=CALL, channel=IN, bridge=BridgeId("b")), 409),
    (c.DestroyBridge(node=NODE, call=CALL, bridge=BridgeId("b")), 404),
    (c.DestroyBridge(node=NODE, call=CALL, bridge=BridgeId("b")), 409),
    (c.CreateBridge(node=NODE, call=CALL, bridge=BridgeId("b")), 409),
]


@pytest.mark.parametrize(("command", "status"), FULFILLED)
def test_wishes_already_fulfilled_are_no_failures(link: AriProtocol, command: c.Command, status: int) -> None:
    link.send(command, 0.0)
    link.receive(reply(1, status, "x"), 0.0)
    assert facts(link) == []


@pytest.mark.parametrize("command", [command for command, _ in FULFILLED])
def test_but_a_server_error_is_one(link: AriProtocol, command: c.Command) -> None:
    link.send(command, 0.0)
    link.receive(reply(1, 500), 0.0)
    (failed,) = facts(link)
    assert isinstance(failed, CommandFailed)
    assert (failed.status, failed.reason) == (500, "Reason")


@pytest.mark.parametrize(
    ("settle", "told"),
    [
        (lambda link: link.settle(ORIGINATE, exists=True), []),
        (lambda link: link.settle(ORIGINATE, exists=False), [("Originate", LEG, 404)]),
        (lambda link: link.settle(ORIGINATE, exists=False, why="gone"), [("Originate", LEG, 0)]),
    ],
)
def test_a_409_to_an_originate_is_a_doubt(
    link: AriProtocol, settle: Callable[[AriProtocol], None], told: list[tuple[str, str, int]]
) -> None:
    link.send(ORIGINATE, 0.0)
    link.receive(reply(1, 409, "Channel with given unique ID already exists"), 0.0)
    assert facts(link) == []
    assert link.doubts.popleft() == ORIGINATE
    settle(link)
    assert failures(link) == told


def test_what_cannot_be_dialled_is_told_as_not_found(link: AriProtocol) -> None:
    link.send(ORIGINATE, 0.0)
    link.receive(reply(1, 500), 0.0)
    assert failures(link) == [("Originate", LEG, 404)]


def test_a_leg(link: AriProtocol) -> None:
    link.send(ORIGINATE, 0.0)
    link.receive(reply(1, 200), 0.0)
    link.receive(entered(LEG, "leg"), 0.0)
    link.receive(of_channel("ChannelHangupRequest", LEG), 0.0)
    link.receive(of_channel("StasisEnd", LEG), 0.0)
    assert facts(link) == [
        LegAnswered(node=NODE, channel=LEG),
        LegEnded(node=NODE, channel=LEG, cause=16),
    ]


def test_a_leg_that_may_be_heard_early_is_dialled_once_it_is_here(link: AriProtocol) -> None:
    link.send(EARLY, 0.0)
    assert asked(link) == ["POST channels/create"]
    link.receive(entered(LEG, "early", state="Down"), 0.0)
    link.receive(reply(1, 200), 0.0)
    assert asked(link) == [f"POST channels/{LEG}/dial"]
    link.receive(reply(2, 204), 0.0)
    assert facts(link) == []
    link.receive(of_channel("ChannelTalkingStarted", LEG, state="Down"), 0.0)
    link.receive(of_channel("ChannelTalkingFinished", LEG, state="Down", duration=2600), 0.0)
    link.receive(said("Dial", dialstatus="ANSWER", peer=channel(LEG)), 0.0)
    link.receive(of_channel("ChannelTalkingStarted", LEG), 0.0)
    link.receive(of_channel("ChannelHangupRequest", LEG), 0.0)
    assert facts(link) == [
        LegHeard(node=NODE, channel=LEG),
        LegSilent(node=NODE, channel=LEG, seconds=2.6),
        LegAnswered(node=NODE, channel=LEG),
        LegEnded(node=NODE, channel=LEG, cause=16),
    ]


def test_who_is_not_wanted_any_more_is_not_dialled(link: AriProtocol) -> None:
    link.send(EARLY, 0.0)
    link.send(replace(HANGUP, channel=LEG), 0.0)
    link.receive(entered(LEG, "early", state="Down"), 0.0)
    assert asked(link) == ["POST channels/create", f"DELETE channels/{LEG}"]


@pytest.mark.parametrize(("status", "told"), [(409, [("Originate", LEG, 409)]), (404, [])])
def test_one_that_cannot_be_dialled_does_not_live_on(
    link: AriProtocol, status: int, told: list[tuple[str, str, int]]
) -> None:
    link.send(EARLY, 0.0)
    link.receive(reply(1, 200), 0.0)
    link.receive(entered(LEG, "early", state="Down"), 0.0)
    sent(link)
    link.receive(reply(2, status, "no"), 0.0)
    if told:
        assert failures(link) == told
        assert asked(link) == [f"DELETE channels/{LEG}"]
    else:
        assert facts(link) == [LegEnded(node=NODE, channel=LEG)]


def test_one_whose_making_was_given_up_is_ended_when_it_comes_late(link: AriProtocol) -> None:
    link.send(EARLY, 0.0)
    link.tick(6.0)
    assert failures(link) == [("Originate", LEG, 0)]
    assert asked(link) == ["POST channels/create", f"DELETE channels/{LEG}"]
    link.receive(entered(LEG, "early", state="Down"), 7.0)
    assert facts(link) == [LegAnswered(node=NODE, channel=LEG)], "the router ends what it does not know"
    assert asked(link) == []


def test_found_again_after_a_broken_link_its_answer_is_still_told() -> None:
    protocol = opened()
    protocol.came_up([msgspec.convert(channel(LEG, state="Ringing"), models.Channel)], [])
    facts(protocol)
    protocol.receive(said("Dial", dialstatus="ANSWER", peer=channel(LEG)), 0.0)
    assert facts(protocol) == [LegAnswered(node=NODE, channel=LEG)]


def test_packets_are_counted_by_what_asterisk_answers(link: AriProtocol) -> None:
    count = c.CountPackets(node=NODE, call=CALL, channel=LEG)
    for transaction, status, body in ((1, 200, '{"rxcount": 95, "txcount": 1}'), (2, 200, "{"), (3, 404, "")):
        link.send(count, 0.0)
        said_so = json.loads(reply(transaction, status))
        link.receive(json.dumps({**said_so, "message_body": body}).encode(), 0.0)
    assert asked(link) == [f"GET channels/{LEG}/rtp_statistics"] * 3
    assert facts(link) == [PacketsCounted(node=NODE, channel=LEG, received=95)]


def test_taken_over_by_another_client(link: AriProtocol) -> None:
    link.receive(said("ApplicationReplaced"), 0.0)
    assert link.replaced
