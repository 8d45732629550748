from typing import Any

import msgspec
import pytest

from callrouter.feed.live import LiveState
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
