import math

import pytest

from simulators.bench_calls.clean import Search
from simulators.bench_calls.figures import Measured, gap_table, mean_of, ratio_of, verdicts
from simulators.bench_calls.plan import Way
from tests.simulators.bench_calls.blocks import block


def measured() -> Measured:
    return Measured(
        cost={
            Way.OURS: [block(Way.OURS, 6.0, 0.6), block(Way.OURS, 9.0, 0.9)],
            Way.QUEUE: [block(Way.QUEUE, 8.25), block(Way.QUEUE, 12.375)],
            Way.DIAL: [block(Way.DIAL, 5.0), block(Way.DIAL, 7.5)],
        },
        standing={
            Way.OURS: [block(Way.OURS, 1.0, gaps=(0.004, 0.005, 0.006))],
            Way.QUEUE: [block(Way.QUEUE, 1.0, gaps=(0.4, 0.5, 0.6))],
        },
        clean={
            Way.OURS: Search(0.0, clean=180.0, unclean=190.0),
            Way.QUEUE: Search(0.0, clean=150.0, unclean=160.0),
        },
    )


def test_ratios_are_of_neighbours_so_that_a_slow_round_slows_both() -> None:
    ratios = measured().ratios()
    assert ratios["total_to_queue"].mean == pytest.approx(0.8)
    assert ratios["asterisk_to_dial"].mean == pytest.approx(1.2)
    # Both rounds agree although one was half as slow again: the interval is a point.
    assert ratios["total_to_queue"].high == pytest.approx(0.8)
    assert ratios["controller_ms"].mean == pytest.approx(0.75)
    assert ratios["controller_to_asterisk"].mean == pytest.approx(0.1)
    assert ratios["sooner"].mean == pytest.approx(100.0)
    assert ratios["clean_rate"].mean == pytest.approx(1.2)
    # The true limits lie between what was clean and what was not.
    assert (ratios["clean_rate"].low, ratios["clean_rate"].high) == pytest.approx((180 / 160, 190 / 150))
    found = measured()
    found.clean = {Way.OURS: Search(0.0, clean=180.0), Way.QUEUE: Search(0.0, clean=150.0)}
    between = found.ratios()["clean_rate"]
    assert (between.low, between.high) == (0.0, math.inf), "nothing above was tried"
    assert any("clean as far as it was tried" in fault for fault in found.faults())


def test_verdicts_name_what_is_missed() -> None:
    found = measured()
    assert all(verdict.met for verdict in verdicts(found.ratios()))
    found.cost[Way.OURS] = [block(Way.OURS, 9.0, 1.0), block(Way.OURS, 14.0, 1.5)]
    found.clean[Way.OURS] = Search(0.0, clean=140.0)
    missed = {verdict.name for verdict in verdicts(found.ratios()) if not verdict.met}
    assert missed == {
        "CPU of Asterisk and controller, against Queue()",
        "Asterisk's own CPU, against plain Dial()",
        "controller's CPU per call",
        "controller's CPU, against Asterisk's",
        "highest clean rate, against Queue()",
    }


def test_parts_not_measured_are_not_judged() -> None:
    assert verdicts(Measured().ratios()) == []


def test_interval_by_students_t() -> None:
    found = mean_of([1.0, 2.0, 3.0])
    half = 4.302653 / math.sqrt(3)
    assert (found.mean, found.low, found.high) == pytest.approx((2.0, 2.0 - half, 2.0 + half), rel=1e-4)
    assert math.isnan(mean_of([1.0]).low)


def test_a_block_that_cost_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        ratio_of([1.0], [0.0])


def test_doubtful_blocks_are_named() -> None:
    found = measured()
    found.cost[Way.QUEUE][1] = block(Way.QUEUE, 8.0, met=99)
    assert found.faults() == ["cost, Queue(), round 2: 99 of 100 callers met a seat, 0 calls were broken off"]
    found.clean[Way.QUEUE] = Search(0.0, clean=150.0, why="void: dialled 160/s instead of 200/s")
    assert found.faults()[1].startswith("clean rate, Queue(): void")


def test_gap_table() -> None:
    table = gap_table(measured().standing[Way.OURS])
    assert table == {"count": 3, "p50": 0.005, "p99": 0.006, "most": 0.006}
