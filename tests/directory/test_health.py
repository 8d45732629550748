from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrouter.directory.health import (
    FAILURES,
    SUCCESSES,
    TRANSITIONS,
    BreakerRules,
    HealthBoard,
    Input,
    Outcome,
    State,
    outcome_of,
)

RULES = BreakerRules(
    threshold=3, cool_down=30, cool_down_ceiling=100, probe_limit=60, window=3600, remembered=50
)


def fail(board: HealthBoard, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        board.ended("12315", "a", Outcome.UNREACHABLE, 20, now)


def state(board: HealthBoard, now: float) -> State:
    return board.view("12315", "a", now).state


def test_three_failures_in_a_row_open_the_way() -> None:
    board = HealthBoard(RULES)
    fail(board, 2)
    board.ended("12315", "a", Outcome.BUSY, 17, 0)
    fail(board, 2)
    assert board.usable("12315", "a", 0)
    fail(board, 1)
    assert not board.usable("12315", "a", 0)
    assert board.usable("12315", "b", 0)
    assert board.usable("12333", "a", 0)


def test_one_probe_after_cooling_down_then_twice_as_long() -> None:
    board = HealthBoard(RULES)
    fail(board, 3)
    assert board.view("12315", "a", 1).until == 30
    assert not board.usable("12315", "a", 29.9)
    assert board.usable("12315", "a", 30)
    board.started("12315", "a", 30)
    assert not board.usable("12315", "a", 31)
    fail(board, 1, 40)
    assert not board.usable("12315", "a", 99)
    assert board.usable("12315", "a", 100)
    board.started("12315", "a", 100)
    fail(board, 1, 101)
    assert board.view("12315", "a", 102).until == 201
    board.started("12315", "a", 201)
    board.ended("12315", "a", Outcome.ANSWERED, 16, 205)
    assert state(board, 205) is State.CLOSED
    fail(board, 3, 206)
    assert board.view("12315", "a", 206).until == 236


def test_a_probe_that_never_ends_frees_the_way() -> None:
    board = HealthBoard(RULES)
    fail(board, 3)
    board.started("12315", "a", 30)
    assert state(board, 89) is State.PROBING
    assert board.usable("12315", "a", 90)


def test_an_abandoned_probe_proves_nothing() -> None:
    board = HealthBoard(RULES)
    fail(board, 3)
    board.started("12315", "a", 30)
    board.ended("12315", "a", Outcome.ABANDONED, 16, 35)
    assert state(board, 35) is State.HALF_OPEN


def test_options_close_and_open_every_line_of_the_trunk() -> None:
    board = HealthBoard(RULES)
    assert board.usable("12315", "a", 0)
    board.trunk_down("a", 1)
    assert not board.usable("12315", "a", 1000)
    assert not board.usable("12333", "a", 1000)
    assert board.view("12315", "a", 1000).until is None
    board.trunk_up("a", 1001)
    assert state(board, 1001) is State.HALF_OPEN
    assert board.usable("12333", "a", 1001)


def test_a_caller_is_never_kept_from_a_line_by_breakers_alone() -> None:
    board = HealthBoard(RULES)
    board.trunk_down("a", 0)
    assert board.choose("12315", ("a", "b"), 0) == ("b", "a")
    board.trunk_down("b", 0)
    assert board.choose("12315", ("a", "b"), 0) == ("a", "b")


def test_view_counts_what_the_window_holds() -> None:
    board = HealthBoard(RULES)
    board.ended("12315", "a", Outcome.BUSY, 17, 0)
    board.ended("12315", "a", Outcome.ANSWERED, 16, 4000)
    board.ended("12315", "a", Outcome.NO_ANSWER, 19, 4001)
    view = board.view("12315", "a", 4002)
    assert (view.attempts, view.success) == (2, 0.5)
    assert view.outcomes == Counter(answered=1, no_answer=1)
    assert view.causes == {16: 1, 19: 1}
    assert board.view("12399", "a", 0).success is None


def test_a_changed_directory_is_forgotten() -> None:
    board = HealthBoard(RULES)
    fail(board, 3)
    board.trunk_down("b", 0)
    board.forget([("12333", "a")])
    assert board.usable("12315", "a", 0)
    assert board.usable("12315", "b", 0)


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (17, Outcome.BUSY),
        (19, Outcome.NO_ANSWER),
        (21, Outcome.DECLINED),
        (34, Outcome.CONGESTED),
        (127, Outcome.FAILED),
        (0, Outcome.FAILED),
    ],
)
def test_causes_are_told_apart(cause: int, outcome: Outcome) -> None:
    assert outcome_of(cause, answered=False) is outcome
    assert outcome_of(cause, answered=True) is Outcome.ANSWERED


def test_every_pair_is_either_in_the_table_or_meant_to_change_nothing() -> None:
    quiet = {(one, given) for one in State for given in Input} - set(TRANSITIONS)
    assert quiet == {
        (State.CLOSED, Input.SUCCESS), (State.CLOSED, Input.FAILURE), (State.CLOSED, Input.COOLED),
        (State.CLOSED, Input.TAKEN), (State.CLOSED, Input.UP),
        (State.OPEN, Input.FAILURE), (State.OPEN, Input.LAST_STRAW), (State.OPEN, Input.TAKEN),
        (State.OPEN, Input.DOWN),
        (State.HALF_OPEN, Input.COOLED), (State.HALF_OPEN, Input.UP),
        (State.PROBING, Input.TAKEN), (State.PROBING, Input.UP),
    }  # fmt: skip
    assert {*FAILURES, *SUCCESSES, Outcome.ABANDONED} == set(Outcome)


def test_the_documented_table_is_the_table() -> None:
    text = Path("docs/topics/directory.md").read_text(encoding="utf-8")
    rows = [line.strip()[1:-1].split("|") for line in text.splitlines() if line.startswith("|")]
    states = {state.value.replace("_", " "): state for state in State}
    documented = {
        (states[row[0].strip()], given): states[cell.strip()]
        for row in rows
        if row[0].strip() in states
        for given, cell in zip(DOCUMENTED, row[1:], strict=True)
        if cell.strip()
    }
    assert documented == TRANSITIONS


DOCUMENTED = (Input.SUCCESS, Input.FAILURE, Input.LAST_STRAW, Input.COOLED, Input.TAKEN, Input.DOWN, Input.UP)

STEP = st.one_of(
    st.tuples(st.just("ended"), st.sampled_from(Outcome)),
    st.tuples(st.just("started"), st.none()),
    st.tuples(st.just("down"), st.none()),
    st.tuples(st.just("up"), st.none()),
)


@given(st.lists(st.tuples(STEP, st.floats(0, 200)), max_size=80))
def test_no_way_stays_shut_for_ever(steps: list[tuple[tuple[str, Outcome | None], float]]) -> None:
    board, now = HealthBoard(RULES), 0.0
    for (what, outcome), later in steps:
        now += later
        match what:
            case "ended":
                assert outcome is not None
                board.ended("12315", "a", outcome, 0, now)
            case "started":
                board.started("12315", "a", now)
            case "down":
                board.trunk_down("a", now)
            case _:
                board.trunk_up("a", now)
        assert board.choose("12315", ("a", "b"), now)[-1] in ("a", "b")
        assert board.view("12315", "a", now).attempts <= RULES.remembered
    board.trunk_up("a", now)
    assert board.usable("12315", "a", now + RULES.cool_down_ceiling + RULES.probe_limit)
