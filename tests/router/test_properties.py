"""Any order of facts, wishes, silences and failures: nobody is lost, nothing is left behind."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from acd import commands as c
from acd import events as e
from acd.call import Owner
from acd.further import conference
from acd.ids import CallId, ChannelId, QueueId, SeatId
from acd.record import Role
from acd.service_level import TARGET
from callrouter.router.notices import RecordingMade
from tests.router.balance import (
    all_segments,
    assert_counts_agree,
    assert_seats_and_calls_agree,
    assert_shifts_are_tiled,
    counted_again,
    counted_live,
)
from tests.router.test_slice import assert_tiles
from tests.router.world import NODE, Channel, World

SUBJECTS = ("playback", "recording", "channel", "bridge")
SEATS = ("a1001", "a1002", "a1003")
WISHES = (
    lambda seat, target: e.TransferAsked(seat=seat, target=target),
    lambda seat, target: e.TransferAsked(seat=seat, target=target, kind="blind"),
    lambda seat, target: e.TransferCompleted(seat=seat),
    lambda seat, target: e.TransferCancelled(seat=seat),
    lambda seat, target: e.TransferSwapped(seat=seat),
    lambda seat, target: e.ThreePartyAsked(seat=seat),
    lambda seat, target: e.HoldAsked(seat=seat),
    lambda seat, target: e.ResumeAsked(seat=seat),
    lambda seat, target: e.HangupAsked(seat=seat),
    lambda seat, target: e.DeclineAsked(seat=seat),
    lambda seat, target: e.SeatReadied(seat=seat),
    lambda seat, target: e.SeatNotReadied(seat=seat, reason="break"),
    lambda seat, target: e.WrapUpFinished(seat=seat),
    lambda seat, target: e.SeatSignedOut(seat=seat, forced=True),
    lambda seat, target: e.SeatSignedIn(seat=seat, agent="x"),
    lambda seat, target: e.SeatUnreachable(seat=seat),
    lambda seat, target: e.SeatReachable(seat=seat),
)


class Calls(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.seconds = 0
        self.refusals: list[e.Refused] = []

    @initialize(lag=st.sampled_from([0.0, 0.4]))
    def begin(self, lag: float) -> None:
        self.world = World(seats=SEATS, lag=lag)
        self.world.tick = 0.01
        site = replace(self.world.router.site, recorded=frozenset({QueueId("province")}))
        self.world.router.site = site

    def pick(self, data: st.DataObject, choices: list) -> object:  # type: ignore[type-arg]
        return data.draw(st.sampled_from(choices))

    @precondition(lambda self: len(self.world.router.calls) < 4)
    @rule(number=st.sampled_from(["12345", "12345", "12345", "99"]))
    def a_call_comes_in(self, number: str) -> None:
        self.calls += 1
        self.world.call(number=number, call=f"C{self.calls}")

    @precondition(lambda self: len(self.world.router.calls) < 4)
    @rule()
    def a_call_reaches_a_seat_if_one_is_free(self) -> None:
        self.calls += 1
        caller = self.world.call(call=f"C{self.calls}")
        self.world.finish_playing(caller)
        for leg in self.world.router.calls[f"C{self.calls}"].call.legs[1:]:  # type: ignore[index]
            self.world.answer(leg.channel)

    @precondition(lambda self: self.talking_seats())
    @rule(data=st.data(), goal=st.sampled_from(["12315", "12333", "110"]), answered=st.booleans())
    def a_transfer_begins(self, data: st.DataObject, goal: str, answered: bool) -> None:
        seat = self.pick(data, self.talking_seats())
        try:
            self.world.handle(e.TransferAsked(seat=seat, target=goal))  # type: ignore[arg-type]
        except e.Refused as refusal:
            self.refusals.append(refusal)
            return
        for live in self.world.router.calls.values():
            transfer = live.call.transfer
            if not answered or transfer is None or transfer.by != seat or transfer.leg is None:
                continue
            if transfer.leg.channel in self.world.channels:
                self.world.answer(transfer.leg.channel)

    def talking_seats(self) -> list[SeatId]:
        return [
            SeatId(leg.party)
            for live in self.world.router.calls.values()
            if (leg := live.call.talking_seat()) is not None
            and (live.call.owner is Owner.CONVERSATION or conference(live.call, SeatId(leg.party)))
        ]

    @precondition(lambda self: self.world.channels)
    @rule(data=st.data())
    def something_ends_playing(self, data: st.DataObject) -> None:
        self.world.finish_playing(self.pick(data, sorted(self.world.channels)))  # type: ignore[arg-type]

    @precondition(lambda self: any(not x.up and k.startswith("cr-") for k, x in self.world.channels.items()))
    @rule(data=st.data())
    def a_phone_is_answered(self, data: st.DataObject) -> None:
        waiting = [k for k, x in sorted(self.world.channels.items()) if not x.up and k.startswith("cr-")]
        self.world.answer(self.pick(data, waiting))  # type: ignore[arg-type]

    @precondition(lambda self: self.dialled_lines())
    @rule(data=st.data(), seconds=st.sampled_from([None, 1.0, 9.0]))
    def a_line_is_heard_before_it_answers_or_falls_silent(
        self, data: st.DataObject, seconds: float | None
    ) -> None:
        line: ChannelId = self.pick(data, self.dialled_lines())  # type: ignore[assignment]
        if seconds is None:
            self.world.channels[line].sounds = True
            self.world.handle(e.LegHeard(node=NODE, channel=line))
        else:
            self.world.handle(e.LegSilent(node=NODE, channel=line, seconds=seconds))

    @precondition(lambda self: self.dialled_lines())
    @rule(data=st.data(), received=st.sampled_from([10, 10, 20]))
    def its_packets_are_counted(self, data: st.DataObject, received: int) -> None:
        line: ChannelId = self.pick(data, self.dialled_lines())  # type: ignore[assignment]
        self.world.handle(e.PacketsCounted(node=NODE, channel=line, received=received))

    def dialled_lines(self) -> list[ChannelId]:
        early = {x.channel for x in self.world.sent if isinstance(x, c.Originate) and x.early}
        return [k for k, x in sorted(self.world.channels.items()) if not x.up and k in early]

    @precondition(lambda self: self.world.channels)
    @rule(data=st.data(), cause=st.sampled_from([16, 16, 17, 19, 21, 38, 41]))
    def somebody_hangs_up(self, data: st.DataObject, cause: int) -> None:
        self.world.hang_up(self.pick(data, sorted(self.world.channels)), cause)  # type: ignore[arg-type]

    @precondition(lambda self: self.world.channels)
    @rule(
        data=st.data(), keys=st.sampled_from(["*212315", "*0", "*1", "*3", "*4", "*5", "*2110", "1", "*29"])
    )
    def somebody_presses_keys(self, data: st.DataObject, keys: str) -> None:
        channel = self.pick(data, sorted(self.world.channels))
        for key in keys:
            if channel in self.world.channels:
                self.world.keys(channel, key)  # type: ignore[arg-type]

    @rule(
        wish=st.sampled_from(WISHES),
        seat=st.sampled_from(SEATS),
        goal=st.sampled_from(["12315", "12333", "110", "a1001", "a1003", "00000"]),
    )
    def somebody_wishes(self, wish, seat: str, goal: str) -> None:  # type: ignore[no-untyped-def]
        try:
            self.world.handle(wish(SeatId(seat), goal))
        except e.Refused as refusal:
            self.refusals.append(refusal)

    @precondition(lambda self: self.world.channels)
    @rule(data=st.data(), goal=st.sampled_from(["12345", "12315", "12333", "a1003", "00000", ""]))
    def somebody_refers(self, data: st.DataObject, goal: str) -> None:
        channel = self.pick(data, sorted(self.world.channels))
        self.world.handle(e.ReferAsked(node=NODE, channel=channel, target=goal))  # type: ignore[arg-type]

    @rule(seat=st.sampled_from(SEATS), goal=st.sampled_from(["12315", "12333", "a1003", "00000"]))
    def a_seat_dials_on_a_second_line(self, seat: str, goal: str) -> None:
        self.seconds += 1
        channel = ChannelId(f"second-{self.seconds}")
        self.world.channels[channel] = Channel()
        call = CallId(f"S{self.seconds}")
        self.world.handle(
            e.CallOffered(node=NODE, call=call, channel=channel, dialled=goal, caller=seat, trunk=seat)
        )

    @precondition(lambda self: self.parked())
    @rule(data=st.data(), turned=st.booleans())
    def a_phone_joins_its_two_lines(self, data: st.DataObject, turned: bool) -> None:
        first, second = self.pick(data, self.parked())  # type: ignore[misc]
        if turned:
            first, second = second, first
        self.world.handle(e.ReferAsked(node=NODE, channel=first, target="12315", replaces=second))

    def parked(self) -> list[tuple[ChannelId, ChannelId]]:
        return [
            (leg.parked, leg.channel)
            for live in self.world.router.calls.values()
            for leg in live.call.legs
            if leg.parked is not None and leg.up
        ]

    @rule(trunk=st.sampled_from(["departments", "emergency"]), lives=st.booleans())
    def a_trunk_comes_or_goes(self, trunk: str, lives: bool) -> None:
        self.world.handle(e.TrunkReachable(trunk=trunk) if lives else e.TrunkUnreachable(trunk=trunk))

    @precondition(lambda self: self.world.router.calls)
    @rule(data=st.data(), allowed=st.booleans())
    def somebody_says_whether_to_record(self, data: st.DataObject, allowed: bool) -> None:
        call = self.pick(data, sorted(self.world.router.calls))
        self.world.router.calls[call].call.recording_allowed = allowed  # type: ignore[index]

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.1, 16.0, 26.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.wait(seconds)

    @precondition(lambda self: self.world.sent)
    @rule(data=st.data(), status=st.sampled_from([0, 404, 409, 500]))
    def a_recent_command_fails(self, data: st.DataObject, status: int) -> None:
        command = self.pick(data, self.world.sent[-6:])
        subject = next((getattr(command, n) for n in SUBJECTS if hasattr(command, n)), "")
        if isinstance(command, c.Originate):
            self.world.channels.pop(command.channel, None)
        if isinstance(command, c.Answer | c.Hangup) and status == 404:
            self.world.channels.pop(command.channel, None)
        self.world.handle(
            e.CommandFailed(
                node=NODE,
                call=command.call,  # type: ignore[attr-defined]
                what=type(command).__name__,
                subject=str(subject),
                status=status,
                reason="planted",
            )
        )

    # --- what must always hold ---------------------------------------------------------

    @invariant()
    def nobody_is_left_in_silence(self) -> None:
        if not hasattr(self, "world"):
            return
        for live in self.world.router.calls.values():
            call = live.call
            if call.owner is Owner.ENDED or not call.caller.usable:
                continue
            if call.owner is Owner.FLOW:
                session = live.session
                assert session is not None
                assert session.deadline is not None or call.caller.playback, "a flow that waits for nothing"
            else:
                assert self.world.hears(call.caller.channel) != "silence", call.owner

    @invariant()
    def a_seat_is_in_one_call_at_most(self) -> None:
        if not hasattr(self, "world"):
            return
        for seat in SEATS:
            legs = [
                leg
                for live in self.world.router.calls.values()
                for leg in live.call.legs
                if leg.role is Role.SEAT and leg.party == seat and leg.usable
            ]
            assert len(legs) <= 1, seat
            state = self.world.seat(seat)
            if legs:
                assert state in ("reserved", "ringing", "talking", "consulting"), (seat, state)
            else:
                assert state in ("ready", "wrap_up", "not_ready", "logged_out"), (seat, state)

    @invariant()
    def every_channel_belongs_to_a_live_call(self) -> None:
        if not hasattr(self, "world"):
            return
        for channel in self.world.channels.keys() - self.world.hung_up():
            assert channel in self.world.router.channels

    @invariant()
    def the_consult_talk_is_never_recorded_with_the_caller_in_it(self) -> None:
        if not hasattr(self, "world"):
            return
        for live in self.world.router.calls.values():
            running = live.recorder.running
            if "consult" in running and live.call.caller.up:
                caller = self.world.channels.get(live.call.caller.channel)
                seat = self.world.channels.get(running["consult"].channel)
                assert caller is None or seat is None or not seat.bridge or seat.bridge != caller.bridge

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        assert all(refusal.reason and refusal.text.endswith(".") for refusal in self.refusals)
        for live in list(world.router.calls.values()):
            world.hang_up(live.call.caller.channel)
        world.wait(300)
        callers = [record for record in world.records if "-c" not in record.call]
        assert_counts_agree(counted_live(world.router.floor.queues()), counted_again(callers, TARGET))
        # Promised callbacks stand until they are dialled in vain or expire.
        for _ in range(200):
            if not world.router.promised:
                break
            for channel in list(world.channels):
                world.hang_up(channel)
            world.wait(600)
        assert not world.router.promised
        assert not world.channels
        assert not world.bridges
        assert not world.router.calls
        assert not world.router.channels
        assert not world.router.messages
        assert all(world.router.lines.calls(number) == 0 for number in ("12315", "12333", "110"))
        started = [x.recording for x in world.sent if isinstance(x, c.MonitorStart)]
        made = [x.recording for x in world.notices(RecordingMade)]
        missed = sum(x.what == "not_recorded" for x in world.oddities)
        assert len(set(started)) == len(started)
        assert set(made) <= set(started)
        assert len(made) + missed >= len(started), "every recording ends once"
        visits = [r.call for r in world.records if "-c" not in r.call]
        assert sorted(visits) == sorted(f"C{n + 1}" for n in range(self.calls))
        assert len({r.call for r in world.records}) == len(world.records)
        for record in world.records:
            assert_tiles(record)
        for seat in SEATS:
            assert world.seat(seat) in ("ready", "not_ready", "logged_out")
        changes = world.notices(c.SeatChanged)
        assert_shifts_are_tiled(changes, world.now)
        assert_seats_and_calls_agree(all_segments(world.records, world.late), changes, world.now)


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
