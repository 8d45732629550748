"""The same decisions, byte for byte; and the first one that is not."""

import random
from pathlib import Path

import pytest

from acd import events as e
from acd.commands import FloorOutput, OfferMade
from acd.floor.watched import WatchedFloor
from acd.ids import AgentId, CallId, QueueId, SeatId
from acd.plan import (
    FloorPlan,
    Membership,
    OpenIntervals,
    OverflowRung,
    QueuePlan,
    RelaxationStep,
    SeatPlan,
)
from callrouter.floor_log.recorder import FloorRecorder
from callrouter.floor_log.replay import LogFault, Replayed, replay

pytestmark = pytest.mark.slow  # together seconds: not in `make check`

T0 = 1_795_000_000.25
MAIN, NIGHT = QueueId("main"), QueueId("night")


def plan(seats: int = 8) -> FloorPlan:
    return FloorPlan(
        queues=(
            QueuePlan(
                queue=MAIN,
                strategy="most_proficient",
                max_waiting=20,
                relaxation=(RelaxationStep(after=15, lower=3), RelaxationStep(after=30, drop=("english",))),
                overflow=(OverflowRung(queue=NIGHT, after=20),),
            ),
            QueuePlan(
                queue=NIGHT, strategy="ring_several", ring_count=2, hours=OpenIntervals(((T0, T0 + 5000),))
            ),
        ),
        seats=tuple(
            SeatPlan(
                seat=SeatId(f"s{number}"),
                skills={"english": 1 + number},
                queues=(Membership(queue=MAIN if number % 2 else NIGHT),),
            )
            for number in range(seats)
        ),
    )


def shift(recorder: FloorRecorder, seed: int, turns: int = 1500) -> None:
    """A floor's day in fast motion: wishes that fit and wishes that are refused, reads in between."""
    draw = random.Random(seed)
    now = T0
    floor = WatchedFloor(plan(), now, recorder)
    seats = [SeatId(f"s{number}") for number in range(8)]
    calls = [CallId(f"c{number}") for number in range(60)]
    offers: list[OfferMade] = []

    def note(outputs: list[FloorOutput]) -> None:
        offers.extend(one for one in outputs if isinstance(one, OfferMade))

    def event() -> e.FloorEvent:
        seat, call = draw.choice(seats), draw.choice(calls)
        offer = draw.choice(offers[-6:]).offer if offers else None
        choices: list[e.FloorEvent] = [
            e.SeatReachable(seat=seat),
            e.SeatSignedIn(seat=seat, agent=AgentId(f"a{seat}")),
            e.SeatReadied(seat=seat),
            e.SeatNotReadied(seat=seat, reason="lunch"),
            e.ContactEnded(seat=seat, call=floor.seat(seat).call or call),
            e.CallerLeft(call=call),
            e.CallersUnreachable(calls=(call, draw.choice(calls))),
            e.CallersReachable(calls=tuple(calls[::2])),
            e.CallbackAsked(call=call, callback=CallId(f"b{draw.random()}"), number="13812345678"),
        ]
        choices += [
            e.Enqueued(
                call=call,
                queue=draw.choice((MAIN, NIGHT)),
                skills=draw.choice(("", "english>=6", "english")),
                priority=draw.randrange(10),
                identity=f"1380000{draw.randrange(30):04d}",
            )
        ] * 4
        if offer is not None:
            choices += [
                e.OfferAnswered(offer=offer),
                e.OfferRefused(offer=offer, cause="no", missed=True),
            ] * 2
        return draw.choice(choices)

    for _ in range(turns):
        now += draw.expovariate(1.0)
        due = floor.next_deadline()
        if due is not None and due <= now:
            note(floor.tick(now))
        try:
            note(floor.handle(event(), now))
        except e.Refused:
            continue
        finally:
            floor.position(draw.choice(calls))
            floor.estimate(draw.choice(calls))
            floor.queues()
    note(floor.change_plan(plan(6), now + 1))
    note(floor.tick(now + 300))


def recorded(folder: Path, seed: int, turns: int = 1500, **bounds: int) -> tuple[FloorRecorder, list[Path]]:
    recorder = FloorRecorder(folder, T0, **bounds)
    shift(recorder, seed, turns)
    recorder.stop()
    assert recorder.ended == ""
    return recorder, sorted(folder.iterdir())


@pytest.mark.parametrize("seed", range(5))
def test_a_log_replays_to_the_same_answers(tmp_path: Path, seed: int) -> None:
    recorder, files = recorded(tmp_path, seed)
    found = replay(files[-1])
    assert found.difference is None
    assert found.run == recorder.run
    assert found.steps > 1500
    text = files[0].read_text()
    for met in ("OfferMade", "OfferWithdrawn", "refused: ", "CallbackOpened", '"tick"', '"fields":{"seats"'):
        assert met in text, met


def test_all_parts_of_a_run_are_replayed(tmp_path: Path) -> None:
    _, files = recorded(tmp_path, 7, 4000, roll_bytes=60_000)
    assert len(files) > 3
    whole = replay(files[-1])
    assert (whole.files, whole.difference) == (len(files), None)
    assert replay(files[1]).steps < whole.steps
    for gone in (files[0], files[2]):
        gone.unlink()
        rest = replay(files[-1])
        assert rest.difference is None
        assert rest.last == whole.last
        assert 0 < rest.steps < whole.steps
    assert replay(files[3]).files == 1, "a part is replayed alone when those before it are gone"


def test_steps_that_lead_elsewhere_do_not_agree_with_the_snapshot(tmp_path: Path) -> None:
    _, files = recorded(tmp_path, 7, roll_bytes=60_000)
    lines = files[0].read_bytes().splitlines(keepends=True)
    # Up to a step that has moved something: the very last one may be a tick on which nothing was due.
    moved = max(number for number, line in enumerate(lines) if b"OfferMade" in line)
    files[0].write_bytes(b"".join(lines[:moved]))
    found = replay(files[1])
    assert found.difference is not None
    assert (found.difference.file, found.difference.line, found.difference.given) == (files[1], 2, "snapshot")
    assert found.difference.now == ("the floor that the steps before lead to is another one",)


def test_a_snapshot_that_was_touched_is_told(tmp_path: Path) -> None:
    _, files = recorded(tmp_path, 7, roll_bytes=60_000)
    files[0].unlink()
    text = files[1].read_bytes()
    files[1].write_bytes(text.replace(b'"misses":0', b'"misses":1', 1))
    found = replay(files[1])
    assert found.difference is not None
    assert found.difference.now == ("the snapshot is not as it was written",)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (b'"index":0', b'"index":"x"', "Expected `int`"),
        (b'"queue":"main","source"', b'"queue":"gone","source"', "contradicts itself: KeyError"),
        (b'"strategy":"ring_several"', b'"strategy":"__import__"', "unknown strategy"),
    ],
)
def test_a_snapshot_that_no_floor_has_made_is_refused(
    tmp_path: Path, before: bytes, after: bytes, words: str
) -> None:
    _, files = recorded(tmp_path, 7, roll_bytes=60_000)
    files[0].unlink()
    text = files[1].read_bytes()
    assert before in text.splitlines()[1]
    files[1].write_bytes(text.replace(before, after, 1))
    with pytest.raises(LogFault, match=f":2: .*{words}"):
        replay(files[1])


def changed(files: list[Path], before: str, after: str) -> Replayed:
    text = files[0].read_text()
    assert before in text
    files[0].write_text(text.replace(before, after, 1))
    return replay(files[0])


def test_the_first_difference_is_shown(tmp_path: Path) -> None:
    _, files = recorded(tmp_path, 1)
    found = changed(files, '"wrap_up":30.0', '"wrap_up":1.0')
    assert found.difference is not None
    assert found.difference.then != found.difference.now
    assert found.difference.line == found.steps + 2


def test_one_flipped_digit_is_found(tmp_path: Path) -> None:
    _, files = recorded(tmp_path, 2)
    line = files[0].read_text().splitlines()[400]
    digest = line.split('"digest":"')[1][:16]
    other = ("0" if digest[0] != "0" else "1") + digest[1:]
    found = changed(files, f'"digest":"{digest}"', f'"digest":"{other}"')
    assert found.difference is not None
    assert found.difference.now == found.difference.then


def test_a_torn_end_is_left_out_and_told(tmp_path: Path) -> None:
    _, files = recorded(tmp_path, 3)
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[:-20])
    found = replay(files[0])
    assert found.torn
    assert found.difference is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no floor log"),
        (b"\xff\xfe\n", "no floor log"),
        (b'{"floor_log":9,"run":"r","part":1}\n', "format 9"),
        (
            b'{"floor_log":2,"run":"r","part":1}\n{"at":1.0,"given":"tick","digest":""}\n',
            ":2: the floor's plan, or a snapshot, must come first",
        ),
        (b'{"floor_log":2,"run":"r","part":1}\n[]\n', ":2: "),
        (b'{"floor_log":2,"run":"r","part":1}\n{"at":1.0,"given":"Gone","digest":""}\n', "no event 'Gone'"),
        (b'{"floor_log":2,"run":"../x","part":2}\n', "does not begin"),
        (b'{"floor_log":2,"run":"r","part":2}\n', "r.000001.jsonl: it is not part 1"),
        (b'{"floor_log":1,"run":"r","part":1}\n', "format 1, this version reads 2"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "r.000001.jsonl"
    file.write_bytes(content)
    with pytest.raises(LogFault, match=words):
        replay(file)


def test_reasons_are_part_of_the_answer(tmp_path: Path) -> None:
    _, files = recorded(tmp_path, 1)
    found = changed(files, '"strategy":"most_proficient"', '"strategy":"longest_idle"')
    assert found.difference is not None
