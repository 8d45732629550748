"""Every command as a request; what must not reach Asterisk does not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from acd import commands as c
from acd.ids import BridgeId, CallId, ChannelId, NodeId, PlaybackId, RecordingId
from callrouter.ari.requests import MAX_DIGITS, MAX_FRAME, Request, Unencodable, dial, encode, frame

CHANNEL, BRIDGE, PLAYBACK = ChannelId("c1"), BridgeId("b1"), PlaybackId("p1")
RECORDING = RecordingId("r1")
NODE, CALL = NodeId("n"), CallId("k")


def command(kind: type[c.Command], **given: object) -> c.Command:
    known = {"channel": CHANNEL, "bridge": BRIDGE, "playback": PLAYBACK, "recording": RECORDING}
    wanted = {f.name for f in fields(kind)}
    return kind(node=NODE, call=CALL, **{n: v for n, v in known.items() if n in wanted}, **given)  # type: ignore[arg-type]


def originate(**more: object) -> c.Command:
    decent = {"endpoint": "PJSIP/a1001", "caller_number": "139", "caller_name": "张", "ring_for": 15.4}
    return command(c.Originate, **{**decent, **more})


@pytest.mark.parametrize(
    ("asked", "method", "uri", "query"),
    [
        (command(c.Answer), "POST", "channels/c1/answer", ()),
        (command(c.Ring), "POST", "channels/c1/ring", ()),
        (command(c.Ring, on=False), "DELETE", "channels/c1/ring", ()),
        (command(c.StopPlayback), "DELETE", "playbacks/p1", ()),
        (command(c.MusicOn, music="m"), "POST", "channels/c1/moh", (("mohClass", "m"),)),
        (command(c.MusicOff), "DELETE", "channels/c1/moh", ()),
        (command(c.CreateBridge), "POST", "bridges/b1", (("type", "mixing"),)),
        (command(c.CreateBridge, mixed=True), "POST", "bridges/b1", (("type", "mixing,video_sfu"),)),
        (command(c.DestroyBridge), "DELETE", "bridges/b1", ()),
        (command(c.Join), "POST", "bridges/b1/addChannel", (("channel", "c1"),)),
        (
            command(c.Join, keys_stay=True),
            "POST",
            "bridges/b1/addChannel",
            (("channel", "c1"), ("absorbDTMF", "true")),
        ),
        (command(c.Leave), "POST", "bridges/b1/removeChannel", (("channel", "c1"),)),
        (command(c.SendDigits, digits="1a#"), "POST", "channels/c1/dtmf", (("dtmf", "1A#"),)),
        (command(c.Hangup, cause=17), "DELETE", "channels/c1", (("reason_code", "17"),)),
        (
            command(c.RecordStart, max_seconds=90.4, silence_seconds=5),
            "POST",
            "channels/c1/record",
            (
                ("name", "r1"),
                ("format", "wav"),
                ("maxDurationSeconds", "90"),
                ("maxSilenceSeconds", "5"),
                ("ifExists", "fail"),
                ("beep", "true"),
                ("terminateOn", "none"),
            ),
        ),
        (command(c.RecordStop), "POST", "recordings/live/r1/stop", ()),
        (command(c.RecordDiscard), "DELETE", "recordings/stored/r1", ()),
        (
            command(c.ReferProgress, state="answered"),
            "POST",
            "channels/c1/transfer_progress",
            (("states", "channel_answered"),),
        ),
        (
            command(c.ToDialplan, context="safety-net", extension="s"),
            "POST",
            "channels/c1/continue",
            (("context", "safety-net"), ("extension", "s"), ("priority", "1")),
        ),
    ],
)
def test_requests(asked: c.Command, method: str, uri: str, query: tuple[tuple[str, str], ...]) -> None:
    request = encode(asked, "app")
    assert (request.method, request.uri, request.query, request.body) == (method, uri, query, b"")


def test_several_media_with_commas_stay_several() -> None:
    request = encode(command(c.Play, media=("sound:a,b", "sound:c")), "app")
    assert (request.method, request.uri) == ("POST", "channels/c1/play/p1")
    assert json.loads(request.body) == {"media": ["sound:a,b", "sound:c"]}


def test_originate() -> None:
    request = encode(
        originate(variables={"PJSIP_HEADER(add,X-Call)": "k"}, originator=ChannelId("in")), "app"
    )
    assert (request.method, request.uri) == ("POST", "channels/c1")
    assert json.loads(request.body) == {
        "endpoint": "PJSIP/a1001",
        "app": "app",
        "appArgs": "leg",
        "callerId": '"张" <139>',
        "timeout": 15,
        "variables": {"PJSIP_HEADER(add,X-Call)": "k"},
        "originator": "in",
    }


def test_a_leg_that_may_be_heard_early_is_made_first_and_dialled_then() -> None:
    command = originate(variables={"PJSIP_HEADER(add,X-Call)": "k"}, early=True)
    request = encode(command, "app")
    assert (request.method, request.uri, request.query) == ("POST", "channels/create", (("channelId", "c1"),))
    assert json.loads(request.body) == {
        "endpoint": "PJSIP/a1001",
        "app": "app",
        "appArgs": "early",
        "variables": {
            "PJSIP_HEADER(add,X-Call)": "k",
            "CALLERID(all)": '"张" <139>',
            "CONNECTEDLINE(all,i)": '"张" <139>',
            "TALK_DETECT(set)": "1500",
        },
    }
    second = dial(command)  # type: ignore[arg-type]
    assert (second.method, second.uri, second.query) == ("POST", "channels/c1/dial", (("timeout", "15"),))


@pytest.mark.parametrize(
    ("name", "number", "shown"),
    [
        ('x"y\\z<1>', "139", '"xyz1" <139>'),
        ("", "139", "<139>"),
        ("a\r\nb\x00", "+8613\r\n9", '"ab" <+86139>'),
        ("n", "", '"n" <>'),
    ],
)
def test_what_the_far_end_is_shown(name: str, number: str, shown: str) -> None:
    body = json.loads(encode(originate(caller_name=name, caller_number=number), "app").body)
    assert body["callerId"] == shown


@pytest.mark.parametrize(
    "asked",
    [
        originate(endpoint="PJSIP/a\r\nb"),
        originate(variables={"PJSIP_HEADER(add,X-A)": "a\r\nX-B: c"}),
        originate(variables={"A\n": "b"}),
        command(c.Play, media=()),
        command(c.Play, media=("sound:\x00",)),
        command(c.SendDigits, digits=""),
        command(c.SendDigits, digits="12x"),
        command(c.SendDigits, digits="1" * (MAX_DIGITS + 1)),
        command(c.SendDigits, digits="1" * 200),
        command(c.ToDialplan, context="a\nb", extension="s"),
        command(c.MusicOn, music="a\x7f"),
        command(c.AnswerPhone),
        command(c.MonitorStart),
        command(c.MonitorStop),
        command(c.ReferProgress, state="maybe"),
        c.Answer(node=NODE, call=CALL, channel=ChannelId("\ud800")),
        originate(caller_name="\udcff", endpoint="PJSIP/\udcff"),
        command(c.Play, media=("sound:\udcff",)),
    ],
)
def test_what_must_not_reach_asterisk(asked: c.Command) -> None:
    with pytest.raises(Unencodable):
        encode(asked, "app")


@given(st.text(max_size=40))
def test_ids_cannot_leave_their_place_in_the_path(name: str) -> None:
    asked = c.Answer(node=NODE, call=CALL, channel=ChannelId(name.encode("utf-8", "replace").decode()))
    uri = encode(asked, "app").uri
    assert uri.count("/") == 2
    assert not set(uri) & set("?#\r\n ")


def test_as_a_frame() -> None:
    sent = json.loads(frame(encode(command(c.Hangup, cause=1), "app"), "7"))
    assert sent["type"] == "RESTRequest"
    assert (sent["transaction_id"], sent["method"], sent["uri"]) == ("7", "DELETE", "channels/c1")
    assert sent["query_strings"] == [{"name": "reason_code", "value": "1"}]
    body = json.loads(frame(encode(command(c.Play, media=("sound:a",)), "app"), "8"))["message_body"]
    assert json.loads(body) == {"media": ["sound:a"]}


def test_a_frame_that_asterisk_would_not_take() -> None:
    with pytest.raises(Unencodable, match=str(MAX_FRAME)):
        frame(Request("POST", "x", "x", body=b"x" * MAX_FRAME), "1")
