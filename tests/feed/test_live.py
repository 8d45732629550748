from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from callrouter.feed.live import CONTEXT_LIFE, LiveState
from callrouter.ports import LegView
from tests.web.fakes import T0, FakeEngine, call_view


class News:
    count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def news() -> News:
    return News()


@pytest.fixture
def live(engine: FakeEngine, news: News) -> LiveState:
    found = LiveState(engine, lambda: ("12315", "110"), news)
    found.start()
    return found


def due(live: LiveState) -> dict[str, Any]:
    return {topic: msgspec.json.decode(payload)["data"] for topic, payload in live.due(T0).items()}


def test_everything_first(live: LiveState, news: News) -> None:
    live.everything()
    found = due(live)
    assert set(found) == {
        *(f"live/seats/s{n}" for n in (1, 2, 3)),
        "live/queues/main",
        "live/lines/12315",
        "live/lines/110",
    }
    assert found["live/queues/main"]["waiting"] == 2
    assert news.count
    assert due(live) == {}


def test_only_the_latest_of_many_changes(live: LiveState, engine: FakeEngine) -> None:
    for number in range(100):
        engine.change_seat("s1", reason=str(number))
    found = due(live)
    assert list(found) == ["live/seats/s1"]
    assert found["live/seats/s1"]["reason"] == "99"


def test_lines_tell_their_legs_and_only_when_they_differ(live: LiveState, engine: FakeEngine) -> None:
    live.everything()
    due(live)

    def at_12315(activity: str) -> None:
        leg = LegView(role="partner", party="12315", activity=activity, since=T0)
        engine.change_call(call_view("c1", legs=(leg,)))

    at_12315("ring")
    assert due(live) == {"live/lines/12315": {"line": "12315", "talking": 0, "ringing": 1}}
    at_12315("talk")
    assert due(live) == {"live/lines/12315": {"line": "12315", "talking": 1, "ringing": 0}}
    at_12315("talk")
    assert due(live) == {}
    engine.end_call("c1")
    assert due(live)["live/lines/12315"]["talking"] == 0


def test_the_end_of_listening(engine: FakeEngine, news: News) -> None:
    live = LiveState(engine, tuple, news)
    end = live.start()
    end()
    engine.change_seat("s1", state="ready")
    assert (due(live), news.count) == ({}, 0)


def handed(live: LiveState, at: float = T0) -> list[tuple[str, Any]]:
    return [(topic, msgspec.json.decode(payload)["data"]) for topic, payload in live.contexts(at)]


def rings(engine: FakeEngine, line: str, since: float = T0, activity: str = "ring") -> None:
    leg = LegView(role="partner", party=line, activity=activity, since=since)
    call = replace(
        call_view("c1"),
        caller="13800001111",
        legs=(leg,),
        note="退款，电话13800001111",
        context={"visited": "12333,12366"},
    )
    engine.change_call(call)


def test_a_line_is_told_once_who_is_being_handed_to_it(live: LiveState, engine: FakeEngine) -> None:
    rings(engine, "12315")
    rings(engine, "12315")
    rings(engine, "12315", activity="consult")
    ((topic, data),) = handed(live)
    assert topic == "lines/12315/context"
    assert data["line"] == "12315"
    assert data["visited"] == ["12333", "12366"]
    assert data["caller"] == "138****1111"
    assert data["note"] == "退款，电话138****1111"
    assert handed(live) == []
    rings(engine, "12315", since=T0 + 5)
    assert len(handed(live)) == 1, "another attempt is another context"


def test_only_lines_with_the_right_read_the_number(engine: FakeEngine, news: News) -> None:
    live = LiveState(engine, lambda: ("12315",), news, numbers_to=("12315",))
    live.start()
    rings(engine, "12315")
    ((_, data),) = handed(live)
    assert (data["caller"], data["note"]) == ("13800001111", "退款，电话13800001111")


def test_numbers_that_are_no_lines_and_old_news_are_not_told(live: LiveState, engine: FakeEngine) -> None:
    rings(engine, "13900002222")
    rings(engine, "12315")
    assert handed(live, T0 + CONTEXT_LIFE + 1) == []


def test_who_drops_ids_that_they_have_seen_misses_no_change(live: LiveState, engine: FakeEngine) -> None:
    ids = []
    for number in range(3):
        engine.change_seat("s1", reason=str(number))
        [payload] = live.due(T0).values()
        ids.append(msgspec.json.decode(payload)["id"])
    assert len(set(ids)) == 3
    assert all(id_.startswith("live/seats/s1@") for id_ in ids)
