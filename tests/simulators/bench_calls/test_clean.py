import pytest

from simulators.bench_calls.clean import MOST_TRIALS, TOLERANCE, Search, what_was_wrong
from simulators.bench_calls.plan import Way
from tests.simulators.bench_calls.blocks import block


def search(capacity: float, start: float) -> Search:
    found = Search(start)
    while not found.over:
        found.tell("" if found.rate <= capacity else "too fast")
    return found


@pytest.mark.parametrize("capacity", [40.0, 80.0, 130.0, 200.0])
def test_the_search_closes_in_from_both_sides(capacity: float) -> None:
    found = search(capacity, 80.0)
    assert found.clean <= capacity < found.unclean
    assert found.unclean / found.clean <= TOLERANCE * 1.07
    assert found.why == "too fast"
    assert len(found.trials) <= MOST_TRIALS


def test_one_bad_trial_is_no_capacity() -> None:
    found = Search(80.0)
    found.tell("1 caller INVITE")
    assert (found.rate, found.unclean) == (80.0, 0.0)
    found.tell("")
    assert found.clean == 80.0
    assert found.rate > 80.0


def test_no_rate_is_tried_that_the_seats_themselves_could_not_bear() -> None:
    found = Search(80.0, most=180.0)
    while not found.over:
        assert found.rate <= 180.0
        found.tell("")
    assert (found.clean, found.open_above) == (180.0, True)
    assert "seats" in found.why


def test_a_search_that_is_cut_short_keeps_its_bounds() -> None:
    found = Search(80.0)
    found.tell("")
    found.cut()
    assert (found.over, found.clean, found.open_above) == (True, 80.0, True)


def test_an_installation_that_is_never_clean_ends_the_search() -> None:
    found = Search(1.1)
    while not found.over:
        found.tell("nobody met a seat")
    assert found.clean == 0.0


@pytest.mark.parametrize(
    ("wrong", "changes"),
    [
        ("", {}),
        ("void: dialled 30/s instead of 40/s", {"rate": 30.0}),
        ("2 of 100 met no seat", {"met": 98}),
        ("repeated: 3 seat INVITE", {"repeats": {"seat INVITE": 3}}),
        ("p99 until a seat is rung 1.50 s", {"wait": 1.5}),
    ],
)
def test_what_was_wrong(wrong: str, changes: dict[str, object]) -> None:
    assert what_was_wrong(block(Way.OURS, 1.0, **changes), 40.0) == wrong  # type: ignore[arg-type]
