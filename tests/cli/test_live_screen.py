from typing import Any

import msgspec
import pytest
from rich.console import Console

from callrouter.cli.live_screen import LiveState, picture
from callrouter.web.present import live_call_document, queue_document, seat_document
from tests.web.fakes import T0, call_view, queue_view, seat_view


def message(kind: str = "change", **parts: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"seats": [], "queues": [], "calls": [], "ended": []}
    found: dict[str, Any] = msgspec.to_builtins({"type": kind, "at": T0, **empty, **parts})
    return found


def shown(state: LiveState, now: float = T0, rows: int | None = None) -> str:
    console = Console(width=140, height=50, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(picture(state, now, title="http://127.0.0.1:1", rows=rows))
    return console.export_text()


@pytest.fixture
def state() -> LiveState:
    found = LiveState()
    found.apply(
        message(
            "snapshot",
            seats=[seat_document(seat_view("s1", state="wrap_up", agent="a1", until=T0 + 30))],
            queues=[queue_document(queue_view())],
            calls=[live_call_document(call_view("c1"), masked=True)],
        )
    )
    return found


def test_everything_is_shown_with_ages_that_count(state: LiveState) -> None:
    text = shown(state, T0 + 5)
    for part in (
        "1 calls, 1 seats signed in, 0 ready",
        "综合受理",
        "12.0 s",
        "90.0%",
        "138****5678",
        "s1 talk 25.0 s",
    ):
        assert part in text, part
    assert "wrap_up" in text
    assert "25.0 s" in text


def test_changes_replace_and_remove(state: LiveState) -> None:
    state.apply(message(seats=[seat_document(seat_view("s1", state="ready"))], ended=["c1", "never-seen"]))
    assert state.calls == {}
    assert state.seats["s1"]["state"] == "ready"
    assert state.document()["queues"][0]["waiting"] == 2


def test_a_snapshot_starts_afresh(state: LiveState) -> None:
    state.lost = "gone"
    state.apply(message("snapshot"))
    assert (state.seats, state.queues, state.calls, state.lost) == ({}, {}, {}, "")


def test_a_lost_connection_is_said(state: LiveState) -> None:
    state.lost = "the server does not answer; trying again in 2 s"
    assert "trying again in 2 s" in shown(state)


def test_a_small_terminal_shows_how_many_more(state: LiveState) -> None:
    many = [live_call_document(call_view(f"c{n}"), masked=True) for n in range(40)]
    state.apply(message(calls=many, seats=[seat_document(seat_view(f"s{n}")) for n in range(60)]))
    text = shown(state, rows=30)
    assert "more)" in text
    assert len(text.splitlines()) <= 30


def test_hostile_text_stays_text(state: LiveState) -> None:
    hostile = "[bold]\x1b[2J\u202e"
    state.apply(
        message(calls=[live_call_document(call_view("c1", caller=hostile, dialled=hostile), masked=False)])
    )
    text = shown(state)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]" in text


def test_what_is_dialled_may_be_endless(state: LiveState) -> None:
    endless = live_call_document(call_view("c1", dialled="7" * 200, transfer_state="ringing"), masked=True)
    state.apply(message(calls=[endless]))
    text = shown(state, T0 + 5)
    assert "138****5678" in text
    assert "7" * 19 + "…" in text
    assert "s1 talk 25.0 s" in text
