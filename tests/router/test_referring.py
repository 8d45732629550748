"""A phone's own transfer button, and partners that hand a caller back."""

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import CallId, ChannelId, SeatId
from tests.router.test_slice import assert_tiles, consulting, in_talk
from tests.router.world import NODE, Channel, World

SEAT = SeatId("a1002")


def refer(world: World, channel: ChannelId, target: str) -> str:
    """What the sender of the REFER is told."""
    world.handle(e.ReferAsked(node=NODE, channel=channel, target=target))
    told = [x for x in world.sent if isinstance(x, c.ReferProgress)]
    assert told[-1].channel == channel
    return told[-1].state


def with_partner(world: World) -> tuple[ChannelId, ChannelId]:
    """A caller who has been handed over to 12315."""
    caller, _, partner = consulting(world)
    world.handle(e.TransferCompleted(seat=SEAT))
    assert world.talking(caller, partner)
    world.wait(20)
    return caller, partner


def test_the_transfer_button_is_a_blind_transfer() -> None:
    world = World()
    caller, seat = in_talk(world)
    assert refer(world, seat, "12315") == "answered"
    assert seat in world.channels, "it gets time to read how it went"
    world.wait(1)
    assert seat not in world.channels
    world.answer(world.leg("12315"))
    assert world.talking(caller, world.leg("12315"))
    assert world.seat("a1002") == "wrap_up"


@pytest.mark.parametrize("target", ["00000", "a1002", "", "sip:x"])
def test_a_button_pressed_in_vain_leaves_the_call_as_it_was(target: str) -> None:
    world = World()
    caller, seat = in_talk(world)
    assert refer(world, seat, target) == "declined"
    assert world.talking(caller, seat)
    assert any(x.what == "refer_declined" for x in world.oddities)


def test_a_partner_hands_the_caller_back_first_in_line() -> None:
    world = World()
    caller, partner = with_partner(world)
    for call in ("W1", "W2"):
        world.finish_playing(world.call(call=call, caller=f"139000000{call[1]}"))
    world.answer(world.router.calls[CallId("W1")].call.legs[1].channel)
    assert refer(world, partner, "12345") == "answered"
    world.hang_up(partner)
    assert world.hears(caller) == "music"
    assert world.router.floor.position(CallId("C1")) == 1
    assert world.router.floor.position(CallId("W2")) == 2
    world.hang_up(caller)
    record = next(r for r in world.records if r.call == "C1")
    outcomes = [(transfer.kind, transfer.outcome) for transfer in record.transfers]
    assert outcomes == [("consult", "completed"), ("refer", "requeued")]
    assert_tiles(record)


def test_a_partner_sends_the_caller_on_to_another_line() -> None:
    world = World()
    caller, partner = with_partner(world)
    assert refer(world, partner, "12333") == "answered"
    world.wait(1)
    assert partner not in world.channels
    world.answer(world.leg("12333"))
    assert world.talking(caller, world.leg("12333"))


def test_a_partner_that_sends_the_caller_where_nobody_answers_loses_nobody() -> None:
    world = World(seats=("a1002", "a1003"))
    caller, _ = with_partner(world)
    assert refer(world, world.leg("12315"), "12333") == "answered"
    world.hang_up(world.leg("12333"), 38)
    seats = [x.channel for x in world.sent if isinstance(x, c.Originate) and "PJSIP/a100" in x.endpoint]
    world.answer(seats[-1])
    assert world.talking(caller, seats[-1])


@pytest.mark.parametrize("target", ["12345", "12333"])
def test_a_partner_in_a_consultation_or_conference_is_declined(target: str) -> None:
    world = World()
    caller, seat, partner = consulting(world)
    assert refer(world, partner, target) == "declined"
    world.handle(e.ThreePartyAsked(seat=SEAT))
    assert refer(world, partner, target) == "declined"
    assert world.talking(caller, seat, partner)


def test_a_partner_cannot_send_the_caller_back_to_where_they_were() -> None:
    world = World()
    _, partner = with_partner(world)
    assert refer(world, partner, "12315") == "declined"


def test_a_callers_own_refer_is_not_heeded() -> None:
    world = World()
    caller, seat = in_talk(world)
    assert refer(world, caller, "12315") == "declined"
    assert world.talking(caller, seat)
    world.handle(e.ReferAsked(node=NODE, channel=ChannelId("nobody"), target="12315"))


# --- a phone with two lines -------------------------------------------------------------


def dials(world: World, number: str, seat: str = "a1002") -> ChannelId:
    """The seat's phone holds its first line and dials on a second."""
    channel = ChannelId(f"second-{seat}")
    world.channels[channel] = Channel()
    world.handle(
        e.CallOffered(node=NODE, call=CallId("S"), channel=channel, dialled=number, caller=seat, trunk=seat)
    )
    return channel


def on_two_lines(world: World) -> tuple[ChannelId, ChannelId, ChannelId, ChannelId]:
    caller, first = in_talk(world)
    second = dials(world, "12315")
    assert world.hears(caller) in ("prompt", "music")
    partner = world.leg("12315")
    world.answer(partner)
    assert world.talking(second, partner)
    assert world.seat("a1002") == "consulting"
    return caller, first, second, partner


def attended(world: World, channel: ChannelId, replaces: ChannelId) -> str:
    world.handle(e.ReferAsked(node=NODE, channel=channel, target="12315", replaces=replaces))
    return [x for x in world.sent if isinstance(x, c.ReferProgress)][-1].state


def test_joining_two_lines_completes_the_consultation() -> None:
    world = World()
    caller, first, second, partner = on_two_lines(world)
    world.wait(5)
    assert attended(world, first, second) == "answered"
    assert world.talking(caller, partner)
    assert second not in world.channels
    world.wait(1)
    assert first not in world.channels
    assert world.seat("a1002") == "wrap_up"
    world.hang_up(partner)
    assert not world.channels
    assert not world.router.channels
    record = world.records[0]
    assert [t.outcome for t in record.transfers] == ["completed"]
    assert_tiles(record)


def test_joining_while_it_rings_leaves_the_caller_with_us() -> None:
    world = World()
    caller, first = in_talk(world)
    second = dials(world, "12315")
    assert attended(world, first, second) == "answered"
    world.answer(world.leg("12315"))
    assert world.talking(caller, world.leg("12315"))


def test_hanging_up_the_second_line_brings_the_caller_back_on_the_first() -> None:
    world = World()
    caller, first, second, partner = on_two_lines(world)
    world.hang_up(second)
    assert world.talking(caller, first)
    assert partner not in world.channels
    assert world.seat("a1002") == "talking"


def test_hanging_up_the_first_line_keeps_the_second() -> None:
    world = World()
    caller, first, second, partner = on_two_lines(world)
    world.hang_up(first)
    assert world.talking(second, partner)
    world.keys(second, "*0")
    assert world.talking(caller, second)
    world.hang_up(second)
    assert caller not in world.channels or world.hears(caller) != "silence"


def test_a_busy_partner_leaves_caller_and_seat_together_on_the_second_line() -> None:
    world = World()
    caller, first = in_talk(world)
    second = dials(world, "12315")
    world.hang_up(world.leg("12315"), 17)
    assert world.talking(caller, second)
    world.hang_up(second)
    assert world.talking(caller, first)


def test_a_caller_who_leaves_ends_both_lines() -> None:
    world = World()
    caller, first, second, _ = on_two_lines(world)
    world.hang_up(caller)
    assert first not in world.channels
    assert second not in world.channels


@pytest.mark.parametrize("number", ["00000", "a1002"])
def test_a_second_line_to_nowhere_is_refused(number: str) -> None:
    world = World()
    caller, first = in_talk(world)
    second = dials(world, number)
    assert second not in world.channels
    assert world.talking(caller, first)


def test_a_seat_without_a_caller_cannot_dial() -> None:
    world = World()
    assert dials(world, "12315") not in world.channels
    assert not world.router.calls


def test_a_stranger_to_the_call_replaces_nothing() -> None:
    world = World()
    _, first, second, partner = on_two_lines(world)
    assert attended(world, first, ChannelId("elsewhere")) == "declined"
    assert world.talking(second, partner)


def test_a_second_refer_forgets_nobody_who_is_to_be_hung_up() -> None:
    world = World()
    _, first, second, partner = on_two_lines(world)
    assert attended(world, first, second) == "answered"
    left = [x.channel for x in world.sent if isinstance(x, c.Leave)]
    assert first not in left[left.index(second) :], "on hold it is in no bridge"
    assert refer(world, partner, "12345") == "answered"
    world.wait(1)
    assert first not in world.channels
    assert partner not in world.channels


# --- a partner that joins two calls with us -----------------------------------------------


def consults_us(world: World) -> ChannelId:
    """The partner calls 12345 on another line."""
    channel = ChannelId("in-B")
    world.channels[channel] = Channel()
    world.handle(
        e.CallOffered(
            node=NODE,
            call=CallId("B"),
            channel=channel,
            dialled="12345",
            caller="0971555555",
            trunk="departments",
        )
    )
    return channel


def joined(world: World, partner: ChannelId, other: ChannelId) -> str:
    world.handle(e.ReferAsked(node=NODE, channel=partner, target="12345", replaces=other))
    return [x for x in world.sent if isinstance(x, c.ReferProgress)][-1].state


@pytest.mark.parametrize("stage", ["flow", "queue", "talk"])
def test_the_caller_takes_the_partners_place(stage: str) -> None:
    world = World()
    caller, partner = with_partner(world)
    if stage == "queue":
        world.handle(e.SeatNotReadied(seat=SEAT, reason="break"))
    other = consults_us(world)
    if stage != "flow":
        world.finish_playing(other)
    if stage == "talk":
        world.answer(world.router.calls[CallId("B")].call.legs[-1].channel)
    assert joined(world, partner, other) == "answered"
    assert other not in world.channels
    world.wait(1)
    assert partner not in world.channels
    if stage == "queue":
        assert world.hears(caller) in ("music", "prompt")
        world.handle(e.SeatReadied(seat=SEAT))
    if stage != "talk":
        world.answer(world.router.calls[CallId("B")].call.legs[-1].channel)
    seat = world.router.calls[CallId("B")].call.legs[-1].channel
    assert world.talking(caller, seat)
    assert world.router.calls[CallId("B")].call.caller_number == "13800001111"
    world.hang_up(caller)
    assert not world.router.calls
    assert not world.channels
    assert not world.bridges
    first, second = sorted(world.records, key=lambda record: record.ingress)
    assert [t.kind for t in first.transfers] == ["consult", "refer"]
    assert (first.channel, second.channel) == (caller, other), "each by the channel that it began on"
    assert first.transfers[-1].joined == second.call
    assert (first.outcome, second.outcome) == ("answered", "answered")
    assert_tiles(first)
    assert_tiles(second)


def test_a_partner_cannot_join_a_strangers_call_leg() -> None:
    world = World(seats=("a1002", "a1003"))
    caller, partner = with_partner(world)
    assert joined(world, partner, partner) == "declined"
    assert joined(world, partner, caller) == "declined"
    assert joined(world, partner, ChannelId("nobody")) == "declined"
    other = consults_us(world)
    world.finish_playing(other)
    seat = world.router.calls[CallId("B")].call.legs[-1].channel
    assert joined(world, partner, seat) == "declined"
    assert world.talking(caller, partner)
