"""The floor against queueing theory: the same code that runs live, within three standard errors.

Oracles: Erlang's formulas; Adan & Weiss, "A skill based parallel service system under
FCFS-ALIS", Stochastic Systems 4 (2014): the product form of first-come first-served with
longest-idle assignment.
"""

from itertools import permutations
from math import sqrt

import pytest

from acd.floor import Floor
from acd.ids import CallId, QueueId, SeatId
from acd.plan import FloorPlan, Membership, QueuePlan, SeatPlan
from tests.acd.floors import Q
from tests.acd.rehearsal import Rehearsal, exponential, open_floor, within

pytestmark = pytest.mark.slow  # together seconds: not in `make check`

SCALES = [pytest.param(1, id="fast"), pytest.param(12, id="slow", marks=pytest.mark.slow)]
"""Thousands of callers times this; the slow form tells finer differences."""

ENDLESS = {"wrap_up": 0.0, "max_waiting": 10**6, "max_wait": None, "announce_first": None}


def alike(seats: int, strategy: str = "longest_idle") -> Floor:
    plan = FloorPlan(
        queues=(QueuePlan(queue=Q, strategy=strategy, **ENDLESS),),  # type: ignore[arg-type]
        seats=tuple(SeatPlan(seat=SeatId(f"s{n}"), queues=(Membership(queue=Q),)) for n in range(seats)),
    )
    return open_floor(Floor(plan, 0.0))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("seats", "waits", "within_20", "asa"),
    [
        pytest.param(12, 0.449388, 0.640158, 40.445, marks=pytest.mark.slow),
        (13, 0.285270, 0.795595, 17.116),
        (14, 0.174132, 0.888350, 7.836),
    ],
)
def test_erlang_c(scale: int, seats: int, waits: float, within_20: float, asa: float) -> None:
    run = Rehearsal(alike(seats), {"": 10 / 180}, exponential(180.0)).run(12_000 * scale)
    waited = [caller.waited for caller in run.callers.values()]
    within([float(w > 0) for w in waited], waits)
    within([float(w <= 20) for w in waited], within_20)
    within(waited, asa)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("strategy", ["longest_idle", "least_occupied", "round_robin", "most_proficient"])
@pytest.mark.slow
def test_who_answers_does_not_change_how_long_one_waits(scale: int, strategy: str) -> None:
    run = Rehearsal(alike(13, strategy), {"": 10 / 180}, exponential(180.0), seed=3).run(10_000 * scale)
    within([caller.waited for caller in run.callers.values()], 17.116)


@pytest.mark.parametrize("scale", SCALES)
def test_erlang_b_does_not_depend_on_the_shape_of_service(scale: int) -> None:
    """Callers without patience: B(10, 5 E), with lognormal service."""

    def lognormal(dice: object, *_: object) -> float:
        return dice.lognormvariate(-0.5, 1.0)  # type: ignore[attr-defined, no-any-return]

    for service in (exponential(1.0), lognormal):
        run = Rehearsal(alike(10), {"": 5.0}, service, patience=lambda *_: 0.0, seed=2).run(12_000 * scale)
        within([float(caller.left) for caller in run.callers.values()], 0.0183846)


@pytest.mark.parametrize("scale", SCALES)
def test_erlang_a(scale: int) -> None:
    run = Rehearsal(alike(13), {"": 10 / 180}, exponential(180.0), patience=exponential(300.0), seed=5).run(
        12_000 * scale
    )
    callers = list(run.callers.values())
    within([float(caller.left) for caller in callers], 0.0249633)
    within([float(caller.left or caller.waited > 0) for caller in callers], 0.225797)


@pytest.mark.parametrize("scale", SCALES)
def test_all_skills_at_all_seats_is_the_pooled_queue(scale: int) -> None:
    """Three queues, each with its own demand, every seat can do everything: M/M/13."""
    queues = tuple(QueueId(f"q{n}") for n in range(3))
    plan = FloorPlan(
        queues=tuple(QueuePlan(queue=queue, **ENDLESS) for queue in queues),  # type: ignore[arg-type]
        seats=tuple(
            SeatPlan(
                seat=SeatId(f"s{n}"),
                skills={"a": 1 + n % 5, "b": 5, f"own{n}": 1},
                queues=tuple(Membership(queue=queue) for queue in queues),
            )
            for n in range(13)
        ),
    )
    run = Rehearsal(
        open_floor(Floor(plan, 0.0)),
        {"0": 5 / 180, "1": 3 / 180, "2": 2 / 180},
        exponential(180.0),
        queue=lambda kind: queues[int(kind)],
        demand=lambda kind: ("a", "a & b>=2", "a | c")[int(kind)],
        seed=4,
    ).run(12_000 * scale)
    within([caller.waited for caller in run.callers.values()], 17.116)


# --- the product form


def product_form(
    rates: dict[str, float], serves: dict[str, tuple[str, ...]], speeds: dict[str, float]
) -> dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[float, float]]:
    """Probability and mean number waiting for each (busy servers in order, idle servers in order).

    π ∝ ∏ over busy prefixes S of λ(types only S serves)^n / μ(S)^(n+1), times
    ∏ over the sets S of the longest idle of 1 / λ(types that S serves).
    """

    def only(servers: tuple[str, ...]) -> float:
        able = {kind for kind in rates if {s for s in serves if kind in serves[s]} <= set(servers)}
        return sum(rates[kind] for kind in able)

    def any_of(servers: tuple[str, ...]) -> float:
        return sum(rates[kind] for kind in rates if any(kind in serves[s] for s in servers))

    weights: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[float, float]] = {}
    for order in permutations(serves):
        for cut in range(len(order) + 1):
            busy, idle = order[:cut], order[cut:]
            weight, waiting = 1.0, 0.0
            for length in range(1, cut + 1):
                speed = sum(speeds[s] for s in busy[:length])
                ratio = only(busy[:length]) / speed
                assert ratio < 1, "unstable"
                weight /= speed * (1 - ratio)
                waiting += ratio / (1 - ratio)
            for length in range(1, len(idle) + 1):
                weight /= any_of(idle[:length])
            weights[busy, idle] = (weight, waiting)
    total = sum(weight for weight, _ in weights.values())
    return {state: (weight / total, waiting) for state, (weight, waiting) in weights.items()}


def test_product_form_agrees_with_erlang_c_when_pooled() -> None:
    states = product_form({"a": 1.5}, {"x": ("a",), "y": ("a",)}, {"x": 1.0, "y": 1.0})
    all_busy = sum(p for (busy, _), (p, _) in states.items() if len(busy) == 2)
    assert all_busy == pytest.approx(9 / 14)  # Erlang C(2, 1.5)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("rates", "serves", "speeds"),
    [
        # "N": a goes to x or y, b to y alone.
        ({"a": 0.9, "b": 0.5}, {"x": ("a",), "y": ("a", "b")}, {"x": 1.0, "y": 0.8}),
        # "W" of three servers, unequal.
        (
            {"a": 0.6, "b": 0.7, "c": 0.5},
            {"x": ("a",), "y": ("a", "b"), "z": ("b", "c")},
            {"x": 0.7, "y": 1.2, "z": 0.8},
        ),
    ],
)
@pytest.mark.slow
def test_first_come_with_longest_idle_has_its_product_form(
    scale: int, rates: dict[str, float], serves: dict[str, tuple[str, ...]], speeds: dict[str, float]
) -> None:
    plan = FloorPlan(
        queues=(QueuePlan(queue=Q, **ENDLESS),),  # type: ignore[arg-type]
        seats=tuple(
            SeatPlan(seat=SeatId(s), skills=dict.fromkeys(kinds, 1), queues=(Membership(queue=Q),))
            for s, kinds in serves.items()
        ),
    )
    run = Rehearsal(
        open_floor(Floor(plan, 0.0)),
        rates,
        lambda dice, kind, seat: dice.expovariate(speeds[seat]),
        demand=lambda kind: kind,
        seed=7,
    ).run(16_000 * scale)
    states = product_form(rates, serves, speeds)
    callers = list(run.callers.values())
    # Little's law: mean wait = mean number waiting / arrival rate.
    waiting = sum(p * w for p, w in states.values())
    within([caller.waited for caller in callers], waiting / sum(rates.values()))
    # Each server's utilisation decides its share of the callers.
    for server in serves:
        busy = sum(p for (who, _), (p, _) in states.items() if server in who)
        share = busy * speeds[server] / sum(rates.values())
        within([float(caller.seat == server) for caller in callers], share)


# --- what the floor says of itself


@pytest.mark.parametrize("scale", SCALES)
def test_expected_wait_is_true_on_average(scale: int) -> None:
    asked: list[tuple[CallId, float]] = []

    class Asking(Rehearsal):
        def arrive(self, kind: str) -> None:
            super().arrive(kind)
            call = next(reversed(self.callers))
            wait = self.floor.estimate(call)
            if wait is not None and self.callers[call].answered is None:
                asked.append((call, wait))

    run = Asking(alike(13), {"": 10 / 180}, exponential(180.0), seed=11).run(20_000 * scale)
    assert len(asked) > 5_000
    # The place given, waits are sums of exponentials of the floor's own (noisy) mean handling time.
    ratio = sum(run.callers[call].waited for call, _ in asked) / sum(wait for _, wait in asked)
    assert abs(ratio - 1) < 0.06


@pytest.mark.parametrize("scale", SCALES)
def test_priorities_share_the_wait_but_do_not_change_its_mean(scale: int) -> None:
    """Conservation law (Kleinrock 1965): with equal services the mean over all callers stays."""
    run = Rehearsal(
        alike(13),
        {"low": 7 / 180, "high": 3 / 180},
        exponential(180.0),
        priority=lambda kind: 9 if kind == "high" else 5,
        seed=6,
    ).run(12_000 * scale)
    callers = list(run.callers.values())
    within([caller.waited for caller in callers], 17.116)
    low = [c.waited for c in callers if c.kind == "low"]
    high = [c.waited for c in callers if c.kind == "high"]
    assert sum(high) / len(high) < 0.5 * sum(low) / len(low)


@pytest.mark.parametrize("scale", SCALES)
def test_halfin_whitt_regime(scale: int) -> None:
    """β = 0.5 at 100 seats: near the limit 0.504539 of the probability of waiting."""
    seats = 100
    load = seats - 0.5 * sqrt(seats)
    waits = erlang_c(seats, load)
    assert abs(waits - 0.504539) < 0.01
    run = Rehearsal(alike(seats), {"": load / 60}, exponential(60.0), seed=8).run(12_000 * scale)
    within([float(caller.waited > 0) for caller in run.callers.values()], waits)


def erlang_c(seats: int, load: float) -> float:
    """Probability of waiting in M/M/n."""
    blocked = 1.0
    for n in range(1, seats + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1 - load / seats * (1 - blocked))
