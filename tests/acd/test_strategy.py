from math import exp

from acd.agent import Seat
from acd.ids import SeatId
from acd.matching import Board, Group
from acd.plan import SeatPlan
from acd.skill import parse
from acd.strategy import OCCUPANCY_MEMORY, STRATEGIES, busy_share, by_occupancy, by_proficiency


def seat(answered: float = 0.0) -> Seat:
    made = Seat(SeatPlan(seat=SeatId("s")), 0, Group({}, {}, (), Board()), 0.0)
    made.answered = answered
    return made


def test_busy_share_rises_while_busy_and_fades_while_idle() -> None:
    one = seat()
    one.answered = 100.0
    busy = busy_share(one, 100.0 + OCCUPANCY_MEMORY)
    assert abs(busy - (1 - exp(-1))) < 1e-12
    by_occupancy(one, 100.0 + OCCUPANCY_MEMORY)
    assert abs(busy_share(one, 100.0 + 2 * OCCUPANCY_MEMORY) - busy * exp(-1)) < 1e-12


def test_order_by_occupancy_holds_at_any_later_time() -> None:
    """Who is idle keeps the order although all shares fade."""
    early, late = seat(), seat()
    early.answered, late.answered = 1.0, 500.0
    keys = by_occupancy(early, 400.0), by_occupancy(late, 520.0)
    for now in (600.0, 5_000.0, 50_000.0):
        shares = busy_share(early, now), busy_share(late, now)
        assert (shares[0] < shares[1]) is (keys[0] < keys[1])


def test_most_proficient_ranks_by_what_is_asked_for() -> None:
    demand = parse("law>=2 & zh")
    assert by_proficiency(demand, {"law": 5, "zh": 2, "bo": 9}) < by_proficiency(demand, {"law": 4, "zh": 2})


def test_registry() -> None:
    assert set(STRATEGIES) == {
        "longest_idle",
        "least_occupied",
        "round_robin",
        "most_proficient",
        "ring_several",
    }
    assert [name for name, one in STRATEGIES.items() if one.several] == ["ring_several"]
