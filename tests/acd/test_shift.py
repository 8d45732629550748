import itertools

from hypothesis import given
from hypothesis import strategies as st

from acd.agent import STATES
from acd.commands import SeatChanged
from acd.ids import AgentId, SeatId
from acd.shift import SeatInterval, Shifts

CHANGES = st.lists(
    st.tuples(st.sampled_from(("s1", "s2")), st.sampled_from(STATES), st.integers(0, 50)), max_size=40
)


def change(seat: str, state: str, since: float) -> SeatChanged:
    return SeatChanged(seat=SeatId(seat), agent=AgentId("a"), state=state, reason="", since=since)


@given(CHANGES)
def test_intervals_tile_every_shift(found: list[tuple[str, str, int]]) -> None:
    shifts = Shifts()
    intervals: list[SeatInterval] = []
    now = 0
    signed_in: dict[str, int] = {}
    length = dict.fromkeys(("s1", "s2"), 0)
    for seat, state, gap in found:
        now += gap
        intervals += filter(None, [shifts.changed(change(seat, state, now))])
        begun = signed_in.pop(seat, None)
        if begun is not None:
            length[seat] += now - begun
        if state != "logged_out":
            signed_in[seat] = now
    intervals += shifts.end(now + 5)
    for seat, begun in signed_in.items():
        length[seat] += now + 5 - begun
    for seat in length:
        mine = sorted((one for one in intervals if one.seat == seat), key=lambda one: one.started)
        assert all(one.started < one.ended for one in mine)
        assert all(a.ended <= b.started for a, b in itertools.pairwise(mine))
        assert sum(one.ended - one.started for one in mine) == length[seat]


def test_a_clock_set_back_makes_no_negative_time() -> None:
    shifts = Shifts()
    shifts.changed(change("s1", "ready", 100.0))
    assert shifts.changed(change("s1", "reserved", 40.0)) is None
    ended = shifts.changed(change("s1", "talking", 120.0))
    assert ended is not None
    assert (ended.state, ended.started, ended.ended) == ("ready", 100.0, 120.0)


def test_signed_out_time_is_nobodys() -> None:
    shifts = Shifts()
    shifts.changed(change("s1", "logged_out", 1.0))
    assert shifts.end(9.0) == []
