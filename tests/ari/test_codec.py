"""Asterisk's messages as facts, told once each, whatever comes."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.events import (
    CallOffered,
    DigitReceived,
    LegAnswered,
    LegEnded,
    LegRinging,
    PeerHeld,
    PlaybackFinished,
    PlaybackStarted,
    RecordingEnded,
    ReferAsked,
    SwitchEvent,
)
from acd.ids import CallId, ChannelId, NodeId, PlaybackId, RecordingId
from callrouter.ari.audit import EVERY
from callrouter.ari.codec import ALLOWED_EVENTS, EventCodec, call_id
from tests.ari.said import caller, channel, entered, of_channel, playback, said

NODE = NodeId("n1")
IN, LEG = ChannelId("1795412490.0"), ChannelId("leg-1")


def feed(codec: EventCodec, *messages: bytes) -> list[SwitchEvent]:
    facts: list[SwitchEvent] = []
    for data in messages:
        event = codec.decode(data)
        if event is not None:
            facts += codec.facts(event)
    return facts


def codec_with_leg() -> EventCodec:
    codec = EventCodec(NODE)
    codec.originating(LEG)
    return codec


def dial(status: str) -> bytes:
    return said("Dial", dialstatus=status, dialstring="a1001", peer=channel(LEG))


def test_a_caller() -> None:
    uui = base64.b64encode(b"00a1;encoding=hex").decode()
    history = base64.b64encode(b"<sip:1@h>;index=1\r\nX: y").decode()
    message = entered(
        IN,
        "caller",
        "carrier",
        "allowed_passed_screen",
        uui,
        "70",
        history,
        caller={"name": "张三\r\n", "number": "+8613909710001"},
        caller_rdnis="0974-12345",
    )
    assert feed(EventCodec(NODE), message) == [
        CallOffered(
            node=NODE,
            call=CallId("20261123T054130843-0-n1"),
            channel=IN,
            dialled="12345",
            caller="13909710001",
            trunk="carrier",
            display="张三",
            headers={
                "User-to-User": "00a1;encoding=hex",
                "Max-Forwards": "70",
                "History-Info": "<sip:1@h>;index=1X: y",
                "Diversion": "097412345",
            },
        )
    ]


def test_a_caller_who_wants_to_be_unknown() -> None:
    message = entered(IN, "caller", "carrier", "prohib_passed_screen", caller={"name": "x", "number": "139"})
    (offered,) = feed(EventCodec(NODE), message)
    assert isinstance(offered, CallOffered)
    assert (offered.caller, offered.display, offered.headers) == ("", "", {})


@pytest.mark.parametrize(
    "args", [(), ("caller",), ("odd", "a", "b", "c", "d", "e", "f", "g"), ("seat", "a1001")]
)
def test_whoever_is_no_leg_of_ours_is_served(args: tuple[str, ...]) -> None:
    (offered,) = feed(EventCodec(NODE), entered(IN, *args))
    assert isinstance(offered, CallOffered)
    assert offered.dialled == "12345"


def test_hostile_arguments_are_cleaned_and_bounded() -> None:
    wild = "\x00\r\n;\"'${SHELL(id)}" * 300
    message = entered(
        IN,
        *("caller", wild, wild, wild, wild, wild),
        caller={"name": wild, "number": wild},
        dialplan={"context": "x", "exten": wild, "priority": 1, "app_name": "", "app_data": ""},
    )
    (offered,) = feed(EventCodec(NODE), message)
    assert isinstance(offered, CallOffered)
    for text in (offered.trunk, offered.dialled, offered.caller, offered.display, *offered.headers.values()):
        assert text.isprintable()
        assert len(text) <= 256
    assert "Max-Forwards" not in offered.headers


def test_call_ids_sort_by_arrival_and_are_the_same_each_time() -> None:
    stamps = ["2026-11-23T05:41:30.843+0000", "2026-11-23T13:41:30.900+0800", "2026-11-23T05:41:31.001+0000"]
    ids = [call_id(NODE, f"1795412490.{n}", stamp) for n, stamp in zip((9, 10, 11), stamps, strict=True)]
    assert ids == sorted(ids)
    assert ids[1] == "20261123T054130900-10-n1"
    assert call_id(NODE, "odd", "when?") == "odd-n1"


def test_a_leg_that_rings_and_is_answered() -> None:
    story = (
        dial(""),
        dial("PROGRESS"),
        dial("RINGING"),
        dial("ANSWER"),
        entered(LEG, "leg"),
    )
    assert feed(codec_with_leg(), *story) == [
        LegRinging(node=NODE, channel=LEG),
        LegAnswered(node=NODE, channel=LEG),
    ]


def test_only_our_own_legs_ring() -> None:
    assert feed(EventCodec(NODE), dial("RINGING")) == []


@pytest.mark.parametrize("cause", [1, 17, 19, 21])
def test_a_leg_that_nobody_answered_has_its_cause(cause: int) -> None:
    ended = of_channel("ChannelDestroyed", LEG, cause=cause, cause_txt="x")
    assert feed(codec_with_leg(), ended) == [LegEnded(node=NODE, channel=LEG, cause=cause)]


@pytest.mark.parametrize(
    ("requests", "cause"),
    [
        ([], 0),
        ([{}], 16),
        ([{"cause": 31}], 31),
        ([{"cause": 32, "soft": True}], 0),
        ([{"cause": 32, "soft": True}, {}], 16),
        ([{"cause": 17}, {"cause": 31}], 17),
    ],
)
def test_a_callers_end_has_the_cause_of_the_hangup_request(
    requests: list[dict[str, object]], cause: int
) -> None:
    asked = [of_channel("ChannelHangupRequest", IN, **fields) for fields in requests]
    facts = feed(
        EventCodec(NODE),
        caller(),
        *asked,
        of_channel("StasisEnd", IN),
        of_channel("ChannelDestroyed", IN, cause=38, cause_txt="x"),
    )
    assert facts[1:] == [LegEnded(node=NODE, channel=IN, cause=cause)]


def test_our_own_hangup_has_our_cause() -> None:
    codec = EventCodec(NODE)
    feed(codec, caller())
    codec.hanging_up(IN, 1)
    soft = of_channel("ChannelHangupRequest", IN, cause=32, soft=True)
    assert feed(codec, soft, of_channel("StasisEnd", IN)) == [LegEnded(node=NODE, channel=IN, cause=1)]


def test_a_caller_who_comes_back_ends_again() -> None:
    codec = EventCodec(NODE)
    both = (caller(), of_channel("StasisEnd", IN))
    assert [type(fact) for fact in feed(codec, *both, *both)] == [CallOffered, LegEnded] * 2


def test_a_second_end_is_remembered_for_a_bounded_time_only() -> None:
    codec = EventCodec(NODE)
    for number in range(5000):
        feed(codec, of_channel("StasisEnd", f"1.{number}"))
    assert len(codec._ended) == 4096
    assert not codec._legs


def test_legs_whose_end_was_lost_are_bounded() -> None:
    codec = EventCodec(NODE)
    for number in range(25_000):
        codec.originating(ChannelId(f"leg-{number}"))
    assert len(codec._legs) == 20_000
    assert not codec.leaving(ChannelId("leg-24999"))


def test_digits_hold_and_playbacks() -> None:
    facts = feed(
        EventCodec(NODE),
        of_channel("ChannelDtmfReceived", IN, digit="#", duration_ms=100),
        of_channel("ChannelHold", IN),
        of_channel("ChannelUnhold", IN),
        playback("PlaybackStarted", "p", "playing"),
        playback("PlaybackStarted", "p", "playing"),
        playback("PlaybackFinished", "p", "done"),
        playback("PlaybackFinished", "q", "failed"),
    )
    assert facts == [
        DigitReceived(node=NODE, channel=IN, digit="#"),
        PeerHeld(node=NODE, channel=IN, held=True),
        PeerHeld(node=NODE, channel=IN, held=False),
        PlaybackStarted(node=NODE, playback=PlaybackId("p")),
        PlaybackFinished(node=NODE, playback=PlaybackId("p")),
        PlaybackFinished(node=NODE, playback=PlaybackId("q"), failed=True),
    ]


def test_recordings_end_once_they_are_on_disk_or_not_at_all() -> None:
    codec = EventCodec(NODE)
    done = {"name": "r", "format": "wav", "state": "done", "target_uri": "channel:x", "duration": 12}
    torn = {"name": "s", "format": "wav", "state": "failed", "target_uri": "channel:x", "cause": "disk full"}
    assert feed(
        codec, said("RecordingFinished", recording=done), said("RecordingFailed", recording=torn)
    ) == [
        RecordingEnded(node=NODE, recording=RecordingId("r"), ok=True, seconds=12, reason="done"),
        RecordingEnded(node=NODE, recording=RecordingId("s"), ok=False, reason="disk full"),
    ]


def test_a_refer_is_told_but_not_the_echo_of_our_own_answer() -> None:
    codec = EventCodec(NODE)
    by = {"source_channel": channel("leg"), "connected_channel": channel("caller")}
    blind = {"requested_destination": {"destination": "12315"}}
    attended = {
        "requested_destination": {"destination": "12333", "protocol_id": "x"},
        "destination_channel": channel("other"),
    }
    assert feed(
        codec,
        said("ChannelTransfer", refer_to=blind, referred_by=by),
        said("ChannelTransfer", refer_to=blind, referred_by=by, state="channel_answered"),
        said("ChannelTransfer", refer_to=attended, referred_by=by),
        said("ChannelTransfer", refer_to=blind, referred_by={}),
    ) == [
        ReferAsked(node=NODE, channel=ChannelId("leg"), target="12315"),
        ReferAsked(node=NODE, channel=ChannelId("leg"), target="12333", replaces=ChannelId("other")),
    ]


def test_who_is_leaving() -> None:
    codec = EventCodec(NODE)
    assert codec.leaving(IN)
    feed(codec, caller())
    assert not codec.leaving(IN)
    feed(codec, of_channel("ChannelHangupRequest", IN))
    assert codec.leaving(IN)


def test_what_is_unknown_is_counted_and_never_fatal() -> None:
    codec = EventCodec(NODE)
    story = (
        said("BrandNew", thing=1),
        caller(newer={"a": 1}),
        said("StasisStart"),
        b"{",
        b"\xff\xfe",
        b"[1]",
        b"[" * 5000,
        b'{"type":"BrandNew","deep":' + b"[" * 5000,
        b"",
    )
    facts = feed(codec, *story)
    assert [type(fact) for fact in facts] == [CallOffered]
    assert codec.unknown_types == {"BrandNew": 1}
    assert codec.unknown_fields == {"Channel.newer": 1}
    assert codec.malformed == 7
    assert codec.events == {"StasisStart": 1}


def test_unknown_types_are_bounded() -> None:
    codec = EventCodec(NODE)
    feed(codec, *(said(f"New{n}") for n in range(1000)))
    assert len(codec.unknown_types) == 256


def test_a_scalar_that_is_missing_does_not_cost_the_call() -> None:
    thin = b'{"type":"StasisStart","channel":{"id":"1.1"}}'
    (offered,) = feed(EventCodec(NODE), thin)
    assert isinstance(offered, CallOffered)
    assert (offered.dialled, offered.call) == ("", "1.1-n1")


def test_the_filter_lets_replies_and_takeovers_through() -> None:
    assert {"RESTResponse", "ApplicationReplaced", "StasisStart"} < set(ALLOWED_EVENTS)
    assert "ChannelVarset" not in ALLOWED_EVENTS


MESSAGES = st.sampled_from(
    [
        *(caller(), entered(LEG, "leg"), dial("RINGING"), of_channel("StasisEnd", IN)),
        *(of_channel("StasisEnd", LEG), of_channel("ChannelHangupRequest", IN)),
        of_channel("ChannelDestroyed", LEG, cause=17, cause_txt=""),
        of_channel("ChannelDestroyed", IN, cause=16, cause_txt=""),
    ]
)


@given(st.lists(MESSAGES))
def test_between_two_entries_a_leg_ends_at_most_once(story: list[bytes]) -> None:
    live: dict[str, bool] = {}
    for fact in feed(codec_with_leg(), *story):
        if isinstance(fact, CallOffered):
            live[fact.channel] = True
        elif isinstance(fact, LegEnded):
            assert live.get(fact.channel, True)
            live[fact.channel] = False


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_survived(value: object) -> None:
    codec = EventCodec(NODE)
    assert feed(codec, json.dumps(value).encode()) == []


def test_fields_are_looked_at_in_the_first_message_of_a_type_and_then_now_and_again() -> None:
    codec = EventCodec(NODE)
    for _ in range(EVERY):
        codec.decode(said("ApplicationReplaced", newer=1))
    assert codec.unknown_fields == {"ApplicationReplaced.newer": 1}
    codec.decode(said("ApplicationReplaced", newer=1))
    assert codec.unknown_fields == {"ApplicationReplaced.newer": 2}
