"""Keys of a seat's phone within a call: codes stay with us, others go to the far end."""

import pytest

from acd import commands as c
from acd.call import Call
from acd.feature_codes import Dialled, Feature
from acd.ids import CallId, ChannelId, NodeId
from acd.keypad import REFUSED, Keypad
from acd.leg import Leg, LegState, Place
from acd.record import Activity, Role
from acd.stage import FeatureDialled, Manners, Output, TimerKey
from acd.timers import Timers

LINES = ("12315",)


class Desk:
    """A seat that speaks with a partner while the caller waits."""

    def __init__(self) -> None:
        self.call = Call(
            call=CallId("C1"),
            node=NodeId("main"),
            channel=ChannelId("in"),
            dialled="12345",
            caller="",
            trunk="carrier",
            display="",
            now=0.0,
        )
        self.seat = self.joined(Role.SEAT, "a1001")
        self.partner = self.joined(Role.PARTNER, "12315")
        self.timers: Timers[TimerKey] = Timers()
        self.out: list[Output] = []
        self.keypad = Keypad(self.call, self.timers, Manners(numbers=lambda: LINES), self.out)

    def joined(self, role: Role, party: str) -> Leg:
        leg = self.call.add_leg(role, party, None, Activity.CONSULT, 0.0)
        leg.state = LegState.UP
        self.call.move(leg, Place.BRIDGE)
        return leg

    def press(self, keys: str, at: float = 1.0, every: float = 0.1) -> list[Output]:
        for number, key in enumerate(keys):
            self.keypad.key(self.seat, key, at + number * every)
        out = self.out[:]
        self.out.clear()
        return out


def handed_on(desk: Desk, digits: str) -> c.SendDigits:
    return c.SendDigits(node=NodeId("main"), call=CallId("C1"), channel=desk.partner.channel, digits=digits)


def test_a_key_for_a_menu_reaches_the_partner_and_not_the_caller_on_hold() -> None:
    desk = Desk()
    assert desk.press("5") == [handed_on(desk, "5")]


def test_in_a_conference_the_caller_may_be_the_one_with_the_menu() -> None:
    desk = Desk()
    desk.call.move(desk.call.caller, Place.BRIDGE)
    channels = {one.channel for one in desk.press("5") if isinstance(one, c.SendDigits)}
    assert channels == {desk.partner.channel, ChannelId("in")}


def test_a_code_goes_to_nobody_on_the_line() -> None:
    desk = Desk()
    assert desk.press("*212315") == [
        FeatureDialled(CallId("C1"), "a1001", Dialled(Feature.CONSULT, "12315"))  # type: ignore[arg-type]
    ]


def test_two_stars_are_one_for_the_partner() -> None:
    desk = Desk()
    assert desk.press("**") == [handed_on(desk, "*")]


def test_the_end_of_a_key_told_three_times_is_one_key() -> None:
    desk = Desk()
    assert desk.press("555", every=0.025) == [handed_on(desk, "5")]
    assert desk.press("555", at=2.0, every=0.06) == [handed_on(desk, "5")] * 3
    assert len(desk.press("121", at=3.0, every=0.01)) == 3


def test_a_seat_that_hears_ringing_presses_for_nobody() -> None:
    desk = Desk()
    desk.call.move(desk.seat, Place.BRIDGE_TONE)
    assert desk.press("5") == []


@pytest.mark.parametrize("role", [Role.PARTNER, Role.CALLER])
def test_only_seats_have_codes(role: Role) -> None:
    desk = Desk()
    desk.seat.role = role
    assert desk.press("*15") == []


def test_silence_ends_a_number_and_a_refusal_its_tone() -> None:
    desk = Desk()
    assert desk.press("*2123") == []
    desk.keypad.silent(desk.seat)
    assert desk.press("") == [
        FeatureDialled(CallId("C1"), "a1001", Dialled(Feature.UNKNOWN, "123"))  # type: ignore[arg-type]
    ]
    desk.keypad.refuse("a1001", 2.0)  # type: ignore[arg-type]
    (tone,) = desk.press("")
    assert isinstance(tone, c.Play)
    assert desk.timers.at((CallId("C1"), "refused", desk.seat.number)) == 2.0 + REFUSED
    desk.keypad.refused(desk.seat)
    (over,) = desk.press("")
    assert isinstance(over, c.StopPlayback)
    assert over.playback == tone.playback
