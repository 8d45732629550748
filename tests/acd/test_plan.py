"""Opening hours as the floor knows them."""

import pytest

from acd.plan import ALWAYS, OpenIntervals

SHIFTS = ((100.0, 200.0), (300.0, 400.0))


@pytest.mark.parametrize(
    ("now", "is_open", "changes"),
    [
        (0.0, False, 100.0),
        (99.9, False, 100.0),
        (100.0, True, 200.0),
        (199.9, True, 200.0),
        (200.0, False, 300.0),
        (399.0, True, 400.0),
        (400.0, False, None),
    ],
)
def test_open_from_the_first_instant_to_before_the_last(
    now: float, is_open: bool, changes: float | None
) -> None:
    hours = OpenIntervals(SHIFTS)
    assert hours.open_at(now) is is_open
    assert hours.changes_after(now) == changes


@pytest.mark.parametrize(
    ("until", "now", "is_open", "changes"),
    [
        (350.0, 349.0, True, None),
        (350.0, 350.0, True, None),
        (450.0, 400.0, False, 450.0),
        (450.0, 450.0, True, None),
        (450.0, 9e9, True, None),
    ],
)
def test_what_nobody_has_worked_out_is_open(
    until: float, now: float, is_open: bool, changes: float | None
) -> None:
    hours = OpenIntervals(SHIFTS, known_until=until)
    assert hours.open_at(now) is is_open
    assert hours.changes_after(now) == changes


def test_round_the_clock() -> None:
    assert ALWAYS.open_at(0.0)
    assert ALWAYS.changes_after(0.0) is None


def test_without_any_interval_it_is_closed() -> None:
    assert not OpenIntervals(()).open_at(5.0)
    assert OpenIntervals(()).changes_after(5.0) is None
