"""Where a call has been travels along, and nobody runs in circles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd import commands as c
from acd import events as e
from acd.call import Call
from acd.ids import CallId, ChannelId, NodeId, SeatId
from callrouter.controller import views
from callrouter.router import provenance
from tests.router.test_slice import in_talk
from tests.router.world import NODE, Channel, World

SEAT = SeatId("a1002")


def uui(payload: str) -> str:
    return f"{payload.encode().hex()};encoding=hex;purpose=callrouter"


def comes(world: World, payload: str = "", *, trunk: str = "departments", hops: str = "70") -> ChannelId:
    """A call that a partner hands to us."""
    channel = ChannelId("in-P")
    world.channels[channel] = Channel()
    world.handle(
        e.CallOffered(
            node=NODE,
            call=CallId("P"),
            channel=channel,
            dialled="12345",
            caller="13800009999",
            trunk=trunk,
            headers={"User-to-User": uui(payload), "Max-Forwards": hops},
        )
    )
    return channel


def sent_payload(world: World) -> str:
    leg = [x for x in world.sent if isinstance(x, c.Originate)][-1]
    header = leg.variables["PJSIP_HEADER(add,User-to-User)"]
    return bytes.fromhex(header.partition(";")[0]).decode()


def a_call(**given: object) -> Call:
    call = Call(
        call=CallId("20270101T000000000-1-main"),
        node=NodeId("main"),
        channel=ChannelId("x"),
        dialled="12345",
        caller="",
        trunk="t",
        display="",
        now=0.0,
    )
    for name, value in given.items():
        setattr(call, name, value)
    return call


def test_a_transfer_tells_who_we_are_and_where_the_caller_has_been() -> None:
    world = World()
    in_talk(world)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    assert sent_payload(world) == "C1;visited=12345"
    world.answer(world.leg("12315"))
    world.handle(e.ThreePartyAsked(seat=SEAT))
    world.handle(e.TransferCancelled(seat=SEAT))
    world.handle(e.TransferAsked(seat=SEAT, target="12333"))
    assert sent_payload(world) == "C1;visited=12345,12315"


def test_a_line_that_was_only_consulted_has_not_received_the_caller() -> None:
    world = World()
    in_talk(world)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    world.answer(world.leg("12315"))
    world.handle(e.TransferSwapped(seat=SEAT))
    world.handle(e.TransferCancelled(seat=SEAT))
    world.handle(e.TransferAsked(seat=SEAT, target="12333"))
    assert sent_payload(world) == "C1;visited=12345"
    world.handle(e.TransferCancelled(seat=SEAT))
    world.handle(e.TransferAsked(seat=SEAT, target="12315", kind="blind"))
    world.answer(world.leg("12315"))
    (live,) = world.router.calls.values()
    assert live.call.visited == ("12345", "12315")


def test_a_partners_caller_is_met_with_context_and_before_others() -> None:
    world = World(seats=())
    world.finish_playing(world.call(call="A"))
    channel = comes(world, "their-id;visited=12315")
    live = world.router.calls[CallId("P")]
    assert views.call_view(world.router, live).context == {
        "call": "their-id",
        "visited": "12315",
        "from": "12315",
    }
    world.finish_playing(channel)
    assert world.router.floor.position(CallId("P")) == 1
    assert world.router.floor.position(CallId("A")) == 2


def test_a_partner_without_our_software_is_known_by_its_trunk() -> None:
    world = World(seats=())
    comes(world)
    assert world.router.calls[CallId("P")].call.context == {"from": "departments"}


def test_what_a_callers_phone_says_is_not_believed() -> None:
    world = World(seats=())
    comes(world, "x;visited=12315,12345", trunk="carrier", hops="1")
    call = world.router.calls[CallId("P")].call
    assert not call.context
    assert not call.circling


def test_a_circling_caller_goes_to_the_first_receiver() -> None:
    world = World()
    channel = comes(world, "x;visited=12333,12345,12315")
    assert world.hears(channel) == "prompt", "told before being moved"
    world.finish_playing(channel)
    assert world.hears(channel) == "ringback"
    partner = world.leg("12333")
    world.answer(partner)
    assert world.talking(channel, partner)
    world.hang_up(partner)
    assert channel not in world.channels
    assert world.records[0].outcome == "answered"


def test_a_first_receiver_that_does_not_answer_leaves_the_caller_to_a_person_here() -> None:
    world = World()
    channel = comes(world, "x;visited=12333,12345,12315")
    world.hang_up(world.leg("12333"), 38)
    seat = world.leg("a1002")
    world.answer(seat)
    assert world.talking(channel, seat)


@pytest.mark.parametrize(
    ("payload", "hops"),
    [
        ("x;visited=12345,12315", "70"),  # we were first
        ("x;visited=12333,12345,12333,12345", "70"),  # thrown back by the first receiver
        ("x;visited=12333", "3"),  # too far
        ("x;visited=99999,12345", "70"),  # the first receiver is no line of ours
    ],
)
def test_or_to_a_person_here_at_once(payload: str, hops: str) -> None:
    world = World()
    channel = comes(world, payload, hops=hops)
    seat = world.leg("a1002")
    world.answer(seat)
    assert world.talking(channel, seat)
    assert not any("@" in x.endpoint for x in world.sent if isinstance(x, c.Originate))


def test_nobody_is_sent_alone_to_where_they_have_been() -> None:
    world = World()
    channel = comes(world, "x;visited=12315")
    world.finish_playing(channel)
    world.answer(world.leg("a1002"))
    with pytest.raises(e.Refused, match="go along") as refused:
        world.handle(e.TransferAsked(seat=SEAT, target="12315", kind="blind"))
    assert refused.value.reason == "been_there"
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))


def test_a_long_way_keeps_the_first_receiver_and_fits_the_dialplan() -> None:
    visited = tuple(f"09710{number:04d}" for number in range(40))
    header = provenance.written(a_call(visited=visited))
    assert len(header) <= 360
    again = a_call(dialled="12315")
    provenance.read(again, {"User-to-User": header})
    assert again.visited[0] == visited[0]
    assert again.visited[-2:] == (visited[-1], "12315")


@given(st.dictionaries(st.sampled_from(["User-to-User", "Max-Forwards"]), st.text(max_size=500)))
def test_any_header_is_survived(headers: dict[str, str]) -> None:
    call = a_call()
    provenance.read(call, headers)
    assert call.visited[-1] == "12345"


@given(st.text(max_size=300))
def test_any_payload_is_survived(payload: str) -> None:
    call = a_call()
    provenance.read(call, {"User-to-User": payload.encode("utf-8", "replace").hex()})
    assert all(number.isdecimal() and number.isascii() for number in call.visited)


def test_exchanges_that_drop_the_header_are_told_by_diversion_and_history() -> None:
    told = provenance.history(a_call(visited=("12315", "097412345", "12345")))
    assert told == {
        "Diversion": "<sip:12345@callrouter.invalid>;reason=deflection;counter=3",
        "History-Info": "<sip:12315@callrouter.invalid>;index=1,<sip:097412345@callrouter.invalid>;index=1.1,"
        "<sip:12345@callrouter.invalid>;index=1.1.1",
    }
    many = provenance.history(a_call(visited=tuple(str(12300 + n) for n in range(40))))
    assert "sip:12300@" in many["History-Info"]
    assert "sip:12339@" in many["History-Info"]
    assert len(many["History-Info"]) <= 256


@pytest.mark.parametrize(
    ("headers", "visited"),
    [
        ({"History-Info": "<sip:12315@a>;index=1, <sip:12345@b>;index=1.1"}, "12315"),
        ({"History-Info": "<sip:12315@a>;index=1,<sip:097412345@b>;index=1.1"}, "12315,097412345"),
        ({"History-Info": "<tel:+8612366>;index=1"}, "12366"),
        ({"History-Info": "<sip:12345@a>;index=1"}, None),
        ({"History-Info": "<sip:13800001111@a>;index=1,<sip:12345@b>"}, None),
        ({"Diversion": "12366"}, "12366"),
        ({"Diversion": "13800001111"}, None),
        ({"Diversion": "x" * 9000, "History-Info": "<sip:" * 900}, None),
        ({"User-to-User": uui("their;visited=12333"), "Diversion": "12366"}, "12333"),
    ],
)
def test_where_the_caller_has_been_is_read_from_what_there_is(
    headers: dict[str, str], visited: str | None
) -> None:
    call = a_call()
    provenance.read(call, headers)
    assert call.context.get("visited") == visited
    assert call.visited[-1] == "12345"
    assert not call.circling


def test_a_circle_is_seen_by_history_alone() -> None:
    call = a_call()
    provenance.read(call, {"History-Info": "<sip:12345@a>;index=1,<sip:12315@b>;index=1.1"})
    assert call.circling


def test_a_live_call_is_its_organisations_and_carries_the_seats_words() -> None:
    world = World()
    in_talk(world)
    with pytest.raises(e.Refused):
        world.handle(e.TransferAsked(seat=SEAT, target="99999", note="not taken over"))
    world.handle(e.TransferAsked(seat=SEAT, target="12315", note="bought a kettle, wants a refund"))
    (live,) = world.router.calls.values()
    view = views.call_view(world.router, live)
    assert view.organisation == "province"
    assert view.note == "bought a kettle, wants a refund"


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        ("70", "69"),
        ("12", "11"),
        ("1", "1"),
        ("0", "1"),
        ("9999", "69"),
        ("", None),
        ("9" * 5000, None),
        ("٣", None),
    ],
)
def test_hops_go_on_one_less(came: str, goes: str | None) -> None:
    world = World()
    comes(world, trunk="carrier", hops=came)
    call = world.router.calls[CallId("P")].call
    left = provenance.hops_left(call)
    assert left == (None if goes is None else int(goes))


def test_a_line_is_told_the_hops_that_are_left_and_an_emergency_service_is_not() -> None:
    world = World()
    caller, seat = in_talk(world)
    call = next(iter(world.router.calls.values())).call
    call.hops = 20
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    world.handle(e.TransferCancelled(seat=SEAT))
    world.handle(e.TransferAsked(seat=SEAT, target="120"))
    told = [
        x.variables.get("PJSIP_HEADER(add,Max-Forwards)") for x in world.sent if isinstance(x, c.Originate)
    ]
    assert told[-2:] == ["19", None]
    assert caller != seat
