"""Explanations that a real floor has given, as a person reads them."""

import json
from pathlib import Path

import pytest

from acd.commands import FloorOutput, OfferClosed
from acd.events import Enqueued, OfferAnswered, OfferRefused
from acd.floor import Floor
from acd.ids import CallId, QueueId, SeatId
from acd.plan import FloorPlan, Membership, QueuePlan, RelaxationStep, SeatPlan
from tests.acd.floors import offers, ready
from tests.cli.stage import command, fill, run
from tests.store.samples import T0, record

APP = command("calls")
C1 = CallId("c1")


def decided() -> list[OfferClosed]:
    """A seat declines, a second one does not answer, after a relaxation a third one takes the call."""
    main = QueueId("main")
    plan = FloorPlan(
        queues=(QueuePlan(queue=main, relaxation=(RelaxationStep(after=15, lower=3),)),),
        seats=tuple(
            SeatPlan(seat=SeatId(f"s{number}"), skills={"english": level}, queues=(Membership(queue=main),))
            for number, level in ((1, 8), (2, 7), (3, 4))
        ),
    )
    floor = Floor(plan, T0)
    ready(floor, SeatId("s1"), SeatId("s2"), SeatId("s3"), now=T0)
    out: list[FloorOutput] = floor.handle(
        Enqueued(call=C1, queue=main, skills="english>=6", identity="13812345678"), T0 + 1
    )
    out += floor.handle(OfferRefused(offer=offers(out)[-1].offer, cause="declined", missed=False), T0 + 2)
    out += floor.handle(OfferRefused(offer=offers(out)[-1].offer, cause="no_answer", missed=True), T0 + 16)
    out += floor.handle(OfferAnswered(offer=offers(out)[-1].offer), T0 + 19)
    return [one for one in out if isinstance(one, OfferClosed)]


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    abandoned = record("c2", T0 + 100, outcome="abandoned_queue")
    fill(tmp_path, record("c1"), abandoned, *decided())
    return tmp_path


def test_every_offer_with_its_reasons(state_dir: Path) -> None:
    result = run(APP, "calls", "explain", "c1", "--state-dir", state_dir)
    assert result.exit_code == 0, result.output
    assert "3 offers" in result.output
    assert "13812345678" not in result.output
    assert (
        result.output.index("declined")
        < result.output.index("not answered")
        < result.output.index("answered after 3.0 s")
    )
    for words in (
        "the caller came",
        "another seat had not taken the call",
        "longest idle",
        "english>=6",
        "chosen",
        "1 seat",
        "lacks english>=6",
    ):
        assert words in result.output, words


def test_as_json(state_dir: Path) -> None:
    found = json.loads(run(APP, "calls", "explain", "c1", "--state-dir", state_dir, "--json").output)
    assert found["call"] == "c1"
    assert [offer["outcome"] for offer in found["offers"]] == ["declined", "missed", "answered"]
    assert [offer["explanation"]["relaxation_step"] for offer in found["offers"]] == [0, 0, 1]
    assert found["offers"][1]["explanation"]["not_twice_running"] == found["offers"][0]["seat"]


def test_a_call_without_offers_says_so(state_dir: Path) -> None:
    result = run(APP, "calls", "explain", "last", "--state-dir", state_dir)
    assert result.exit_code == 0
    assert "No seat was offered this call. It waited" in result.output


def test_an_unknown_call_is_told_apart(state_dir: Path) -> None:
    result = run(APP, "calls", "explain", "nobody", "--state-dir", state_dir)
    assert result.exit_code == 1
    assert "there is no finished call 'nobody'" in result.stderr
