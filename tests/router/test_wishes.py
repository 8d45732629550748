"""What a flow may wish of waiting, handing over and recording, as the router carries it out."""

from dataclasses import replace

import pytest

from acd import commands as c
from acd import events as e
from acd.call import Owner
from acd.ids import AgentId, QueueId, RecordingId, SeatId
from callrouter.flow import actions as f
from callrouter.router import flowside
from callrouter.router.live import LiveCall
from callrouter.router.notices import AnswersSaved, VoicemailLeft
from tests.router.test_slice import assert_tiles, in_talk
from tests.router.world import NODE, World


class Script:
    """A flow session that wishes what the test says and remembers what it is told."""

    def __init__(self, live: LiveCall) -> None:
        self.told: list[f.FlowEvent] = []
        self.node, self.language, self.version = "script", "zh", "1"
        self.deadline, self.steps, self.takes_callback = 9e9, 1, True
        live.session = self  # type: ignore[assignment]

    def handle(self, event: f.FlowEvent, now: float) -> list[f.FlowAction]:
        self.told.append(event)
        return []

    def tick(self, now: float) -> list[f.FlowAction]:
        return []

    def take_trace(self, final: bool = False) -> list[object]:
        return []


class Staged(World):
    """One caller in the flow, whose wishes the test speaks."""

    def __init__(self, seats: tuple[str, ...] = ()) -> None:
        super().__init__(seats)
        self.caller = self.call()
        self.live = next(iter(self.router.calls.values()))
        self.channels[self.caller].playing.clear()
        self.live.tokens.clear()
        self.live.call.caller.playback = None
        self.script = Script(self.live)

    def wish(self, *actions: f.FlowAction) -> None:
        self.router.touch(self.live)
        flowside.act(self.router, self.live, list(actions))
        self.router._work_through()
        self._carry_out(self.router._take())

    def owner(self) -> Owner:
        return self.live.call.owner

    def told(self, kind: type) -> list:  # type: ignore[type-arg]
        return [x for x in self.script.told if isinstance(x, kind)]


RECORD = f.RecordVoice(7, "complaints", 90, 5)


def recording(world: Staged) -> RecordingId:
    return next(x.recording for x in reversed(world.sent) if isinstance(x, c.RecordStart))


def test_a_message_is_kept_and_told() -> None:
    world = Staged()
    world.wish(RECORD)
    started = world.sent[-1]
    assert isinstance(started, c.RecordStart)
    assert "138" not in started.recording, "no caller's number in a file's name"
    world.wait(20)
    world.wish(f.StopRecord(7))
    assert isinstance(world.sent[-1], c.RecordStop)
    world.handle(e.RecordingEnded(node=NODE, recording=recording(world), ok=True, seconds=19))
    assert world.told(f.RecordingFinished) == [f.RecordingFinished(7, ok=True, seconds=19)]
    left = world.notices(VoicemailLeft)
    assert [(x.mailbox, x.seconds, x.caller) for x in left] == [("complaints", 19, "13800001111")]


def test_who_hangs_up_has_finished_the_message() -> None:
    world = Staged()
    world.wish(RECORD)
    world.wait(20)
    name = recording(world)
    world.hang_up(world.caller)
    assert not world.router.calls
    world.handle(e.RecordingEnded(node=NODE, recording=name, ok=True, seconds=12))
    assert [x.seconds for x in world.notices(VoicemailLeft)] == [12]
    assert not world.router.messages


def test_only_silence_is_no_message() -> None:
    world = Staged()
    world.wish(RECORD)
    world.wait(5.4)
    world.handle(e.RecordingEnded(node=NODE, recording=recording(world), ok=True, seconds=1))
    assert world.told(f.RecordingFinished)[0].seconds < 1
    assert not world.notices(VoicemailLeft)
    assert isinstance(world.sent[-1], c.RecordDiscard)


def test_a_message_thrown_away_by_the_flow_is_deleted() -> None:
    world = Staged()
    world.wish(RECORD)
    world.wait(10)
    world.wish(f.StopRecord(7, keep=False))
    world.handle(e.RecordingEnded(node=NODE, recording=recording(world), ok=True, seconds=9))
    assert isinstance(world.sent[-1], c.RecordDiscard)
    assert not world.told(f.RecordingFinished)
    assert not world.notices(VoicemailLeft)


def test_a_switch_that_says_nothing_after_a_stop_is_not_waited_for() -> None:
    world = Staged()
    world.wish(RECORD)
    world.wish(f.StopRecord(7))
    world.wait(4)
    assert [x.ok for x in world.told(f.RecordingFinished)] == [False]
    assert not world.router.messages


@pytest.mark.parametrize("fact", ["refused", "link"])
def test_a_recording_that_fails_is_told(fact: str) -> None:
    world = Staged()
    world.wish(RECORD)
    if fact == "refused":
        world.handle(
            e.CommandFailed(
                node=NODE,
                call=world.live.call.id,
                what="RecordStart",
                subject=recording(world),
                status=500,
                reason="disk full",
            )
        )
    else:
        world.handle(e.NodeUp(node=NODE, channels=tuple(world.channels)))
    assert [x.ok for x in world.told(f.RecordingFinished)] == [False]


def test_answers_name_the_seat_that_served() -> None:
    world = World()
    _, seat = in_talk(world)
    live = next(iter(world.router.calls.values()))
    Script(live)
    world.hang_up(seat)
    world.router.touch(live)
    flowside.act(world.router, live, [f.AllowRecording(False), f.SaveAnswers("survey", {"grade": 5})])
    world._carry_out(world.router._take())
    saved = world.notices(AnswersSaved)
    assert [(x.kind, x.values, x.seat, x.agent) for x in saved] == [
        ("survey", {"grade": 5}, "a1002", "agent-a1002")
    ]
    assert live.call.recording_allowed is False


QUEUE = f.ToQueue(queue="province")


def test_wait_at_most_gives_the_caller_back() -> None:
    world = Staged()
    world.wish(replace(QUEUE, wait_at_most=60))
    world.wait(59)
    assert world.owner() is Owner.QUEUE
    world.wait(2)
    assert world.told(f.Returned) == [f.Returned("queue", "timeout")]
    assert world.owner() is Owner.FLOW
    assert world.router.floor.queue(QueueId("province")).waiting == 0


def test_a_seat_that_rings_when_the_time_is_over_may_still_answer() -> None:
    world = Staged(("a1002",))
    world.wish(replace(QUEUE, wait_at_most=10))
    world.wait(12)
    world.answer(world.leg("a1002"))
    assert world.talking(world.caller, world.leg("a1002"))
    world.wait(60)
    assert not world.told(f.Returned)


def test_the_seat_of_the_last_time_is_asked_first() -> None:
    world = World(seats=("a1001", "a1002", "a1003"))
    caller, seat = None, ""
    for visit in range(2):
        caller = world.call(call=f"V{visit}")
        live = world.router.calls[f"V{visit}"]  # type: ignore[index]
        if visit:
            world.channels[caller].playing.clear()
            live.call.caller.playback = None
            live.tokens.clear()
            Script(live)
            world.router.touch(live)
            flowside.act(world.router, live, [replace(QUEUE, sticky="last")])
            world.router._work_through()
            world._carry_out(world.router._take())
            assert world.seat(seat) == "reserved"
        else:
            world.finish_playing(caller)
            seat = next(s for s in ("a1001", "a1002", "a1003") if world.seat(s) == "reserved")
            world.answer(world.leg(seat))
            world.hang_up(caller)
            world.wait(30)


@pytest.mark.parametrize("reason", ["unknown_queue", "timeout"])
def test_the_last_resort_keeps_the_caller(reason: str) -> None:
    world = Staged()
    world.wish(replace(QUEUE, queue="gone" if reason == "unknown_queue" else "province", last_resort=True))
    assert world.live.call.owner is Owner.QUEUE
    for _ in range(5):
        world.wait(1000)
        assert world.live.call.owner is Owner.QUEUE
        assert world.hears(world.caller) in ("music", "prompt")
        world.finish_playing(world.caller)
    assert not world.told(f.Returned)


def test_a_queue_that_gives_back_at_once_does_not_spin() -> None:
    world = Staged()
    world.wish(replace(QUEUE, last_resort=True))
    for _ in range(3):
        world.router.decided(
            c.QueueExited(call=world.live.call.id, queue=world.live.call.queue, reason="unstaffed")  # type: ignore[arg-type]
        )
        world.router._work_through()
        world._carry_out(world.router._take())
    assert world.told(f.Returned) == [f.Returned("queue", "unstaffed")]
    assert world.hears(world.caller) == "music", "even between two tries nobody sits in silence"


def test_a_node_with_its_own_times_announces_by_them() -> None:
    world = Staged()
    world.wish(replace(QUEUE, announce_after=5, announce_every=7, callback_after=0))
    world.wait(4)
    assert world.hears(world.caller) == "music"
    world.wait(1.5)
    assert world.hears(world.caller) == "prompt"
    world.finish_playing(world.caller)
    world.wait(7)
    assert world.hears(world.caller) == "prompt"
    assert world.live.callback is None


def test_the_nodes_music_is_what_the_caller_hears() -> None:
    world = Staged()
    world.wish(replace(QUEUE, music="plateau"))
    assert [x.music for x in world.sent if isinstance(x, c.MusicOn)] == ["plateau"]


def test_no_announcement_when_none_is_wanted() -> None:
    world = Staged()
    world.wish(replace(QUEUE, announce_after=0))
    for _ in range(20):
        world.wait(10)
        assert world.hears(world.caller) == "music"


BOOK = f.BookCallback(3, "province", "13812345678", "", 5, "zh")


def test_a_booked_callback_rings_a_seat_and_then_the_person() -> None:
    world = Staged()
    world.wish(BOOK)
    (done,) = world.told(f.LookupDone)
    assert done.ok
    assert world.live.call.owner is Owner.FLOW
    world.hang_up(world.caller)
    world.handle(e.SeatReachable(seat=SeatId("a1002")))
    world.handle(e.SeatSignedIn(seat=SeatId("a1002"), agent=AgentId("li")))
    world.handle(e.SeatReadied(seat=SeatId("a1002")))
    world.answer(world.leg("a1002"))
    dialled = [x for x in world.sent if isinstance(x, c.Originate)][-1]
    assert "13812345678" in dialled.endpoint


@pytest.mark.parametrize(
    ("wish", "seats", "reason"),
    [
        (BOOK, ("a1002",), "person_free"),
        (replace(BOOK, number="anonymous"), (), "no_number"),
        (replace(BOOK, queue="none"), (), "unknown_queue"),
    ],
)
def test_a_callback_that_is_not_filed(wish: f.BookCallback, seats: tuple[str, ...], reason: str) -> None:
    world = Staged(seats)
    world.wish(wish)
    assert world.told(f.LookupDone) == [f.LookupDone(3, ok=False, reason=reason)]
    assert not world.router.promised
    assert not any(isinstance(x, c.Originate) for x in world.sent)
    assert world.router.floor.position(world.live.call.id) is None
    assert all(world.seat(s) == "ready" for s in seats)


def test_one_callback_a_person() -> None:
    world = Staged()
    world.wish(BOOK)
    world.wish(replace(BOOK, token=4))
    assert len(world.router.promised) == 1, "the later one has taken the place of the earlier one"
    assert world.router.floor.position(world.live.call.id) is None


def test_the_flow_hands_over_to_a_seat() -> None:
    world = Staged(("a1002",))
    world.wish(f.ToTransfer(kind="seat", target="a1002"))
    assert world.hears(world.caller) == "ringback"
    world.answer(world.leg("a1002"))
    assert world.talking(world.caller, world.leg("a1002"))
    assert world.seat("a1002") == "talking"
    world.hang_up(world.caller)
    record = world.records[0]
    assert record.outcome == "answered"
    assert record.answered is not None
    assert record.first_seat == "a1002"
    assert record.first_agent == "agent-a1002"
    assert_tiles(record)


def test_a_seat_that_is_not_free_is_told_to_the_flow() -> None:
    world = Staged()
    world.wish(f.ToTransfer(kind="seat", target="a1002"))
    assert world.told(f.Returned) == [f.Returned("transfer", "seat_not_ready")]
    world.wish(f.ToTransfer(kind="seat", target="nobody"))
    assert world.told(f.Returned)[-1].reason == "unknown_target"


def test_the_flow_hands_over_to_a_number_outside() -> None:
    world = Staged()
    world.wish(f.ToTransfer(kind="number", target="+8613900001234", ring_for=12))
    dialled = world.sent[-1] if isinstance(world.sent[-1], c.Originate) else None
    dialled = dialled or next(x for x in world.sent if isinstance(x, c.Originate))
    assert dialled.endpoint == "PJSIP/13900001234@carrier"
    assert dialled.ring_for == 12
    world.hang_up(dialled.channel, cause=17)
    assert world.told(f.Returned) == [f.Returned("transfer", "cause_17")]
    assert world.live.call.owner is Owner.FLOW
