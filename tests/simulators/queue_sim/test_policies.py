"""What-ifs change what they name, and nothing else."""

from typing import Any

import numpy as np
import pytest

from acd.ids import SeatId
from callrouter.site.floor import Served
from simulators.queue_sim.nation import PROVINCES, RESERVE, seats_by_province
from simulators.queue_sim.policies import Base, base_of, duty_of, rate_of, stretched, world_of
from simulators.queue_sim.scenario import Callers, Duty, Nation, Policy, Scenario
from simulators.workload import Duration

FLOOR: dict[str, Any] = {
    "queues": {
        "province": {"wrap_up": 10},
        "haibei": {"overflow": [{"queue": "province", "after": 20}]},
        "huangnan": {"overflow": [{"queue": "haibei", "after": 20}]},
    },
    "seats": {
        "p": {"count": 3, "queues": ["province"], "skills": {"zh": 9}, "organisation": "province"},
        "h": {
            "count": 2,
            "queues": ["haibei", {"queue": "province", "tier": 2}],
            "skills": {"zh": 8},
            "organisation": "haibei",
        },
        "n": {"count": 1, "queues": ["huangnan"], "skills": {"zh": 8}},
    },
}
CALLERS: list[dict[str, Any]] = [
    {"name": "province", "queue": "province", "calls_per_hour": 60, "talk": {"exponential": 100}},
    {"name": "haibei", "queue": "haibei", "calls_per_hour": 12, "talk": {"constant": 90}},
    {
        "name": "huangnan",
        "queue": "huangnan",
        "calls_per_hour": 6,
        "talk": {"lognormal": {"mean": 80, "cv": 1}},
    },
]


def scenario(**more: Any) -> Base:
    return base_of(Scenario.model_validate({"floor": FLOOR, "callers": CALLERS, **more}), None)


def policy(**what: Any) -> Policy:
    return Policy.model_validate({"name": "what if", **what})


def test_a_scenario_without_policies_is_simulated_as_it_is() -> None:
    base = scenario()
    (only,) = base.policies
    found = world_of(base, only)
    assert [seat.seat for seat in found.plan.seats] == ["p0001", "p0002", "p0003", "h0001", "h0002", "n0001"]
    assert found.duty.all()
    assert found.populations[0].rate == pytest.approx(60 / 3600)
    assert found.expected_calls() == pytest.approx(78 * 24)


def test_merged_queues_share_seats_and_callers() -> None:
    base = scenario()
    found = world_of(base, policy(merge=[{"queues": ["haibei", "huangnan"], "into": "province"}]))
    assert [queue.queue for queue in found.plan.queues] == ["province"]
    assert {str(kind.queue) for kind in found.kinds} == {"province"}
    served = {str(seat.seat): seat.queues for seat in found.plan.seats}
    assert [(m.queue, m.tier) for m in served["h0001"]] == [("province", 1)]
    assert found.plan.queues[0].overflow == ()


def test_overflow_to_a_merged_queue_follows_it() -> None:
    found = world_of(scenario(), policy(merge=[{"queues": ["haibei"], "into": "province"}]))
    rungs = {str(queue.queue): queue.overflow for queue in found.plan.queues}
    assert [rung.queue for rung in rungs["huangnan"]] == ["province"]


def test_queues_and_rules_change_key_by_key() -> None:
    base = scenario()
    found = world_of(
        base, policy(queues={"province": {"strategy": "round_robin"}}, rules={"redial_window": 300})
    )
    plan = {str(queue.queue): queue for queue in found.plan.queues}
    assert plan["province"].strategy == "round_robin"
    assert plan["province"].wrap_up == 10
    assert found.plan.redial_window == 300
    assert world_of(base, base.policies[0]).plan.redial_window == 120


def test_seats_are_lost_by_name_or_organisation() -> None:
    found = world_of(
        scenario(), policy(lose=[{"organisation": "haibei", "begins": 9.1, "ends": 10}, {"seats": ["p*3"]}])
    )
    first, second = found.outages
    assert first.seats == {SeatId("h0001"), SeatId("h0002")}
    assert (first.begins, first.ends) == (9 * 3600, 10 * 3600)
    assert second.seats == {SeatId("p0003")}


def test_seat_groups_are_resized_talk_and_calls_scaled() -> None:
    base = scenario()
    found = world_of(base, policy(seat_counts={"p": 8}, talk_factor=1.5, calls_factor=2))
    assert len(found.plan.seats) == 11
    assert found.duty.shape[1] == 11
    assert found.kinds[0].talk.exponential == 150
    assert found.kinds[1].talk.constant == 135
    assert found.kinds[2].talk.mean == 120
    assert found.populations[1].rate == pytest.approx(24 / 3600)


def test_surges_are_for_some_or_for_all() -> None:
    found = world_of(
        scenario(),
        policy(surge=[{"factor": 3, "begins": 9, "ends": 12, "callers": ["haibei"]}, {"factor": 2}]),
    )
    assert [len(population.surges) for population in found.populations] == [1, 2, 1]


def test_a_mix_leaves_the_rest_as_it_was() -> None:
    mixed = dict(
        CALLERS[0], mix=[{"share": 0.1, "skills": "bo", "language": "bo", "talk": {"constant": 200}}]
    )
    found = world_of(scenario(callers=[mixed]), policy())
    plain, tibetan = found.kinds
    assert (plain.share, plain.skills) == (pytest.approx(0.9), "")
    assert (tibetan.name, tibetan.skills, tibetan.talk.mean) == ("province 1", "bo", 200)


def test_a_duty_across_midnight_and_weekdays() -> None:
    entry = Duty.model_validate({"seats": ["a"], "begins": "22:00", "ends": "06:00", "days": ["sun"]})
    on = duty_of((entry,), ["a", "b"])
    assert not on[:, 1].any()
    assert np.flatnonzero(on[:, 0]).tolist() == [*range(24), *range(6 * 96 + 88, 7 * 96)]


def test_counts_take_the_first_seats() -> None:
    hours = [1] * 8 + [3] * 12 + [2] * 4
    on = duty_of((Duty.model_validate({"seats": ["a*"], "count": hours}),), ["a1", "b1", "a2", "a3", "a4"])
    assert on[7 * 4].tolist() == [True, False, False, False, False]
    assert on[8 * 4].tolist() == [True, False, True, True, False]
    assert on[23 * 4].tolist() == [True, False, True, False, False]


def test_curves_are_calls_per_hour_whatever_their_step() -> None:
    def day(value: object) -> float:
        one = Callers.model_validate({**CALLERS[0], "calls_per_hour": value})
        return float(rate_of(one)[:96].sum() * 900)

    assert day(60) == pytest.approx(day([60] * 24)) == pytest.approx(day([60] * 96)) == pytest.approx(1440)
    weekly = Callers.model_validate({**CALLERS[0], "weekdays": [1, 1, 1, 1, 1, 0.5, 0]})
    assert rate_of(weekly)[5 * 96] == pytest.approx(30 / 3600)
    assert rate_of(weekly)[6 * 96] == 0


@pytest.mark.parametrize(
    ("shape", "mean"),
    [({"uniform": [10, 20]}, 30), ({"weibull": {"mean": 50, "shape": 0.7}}, 100), ({"exponential": 7}, 14)],
)
def test_stretched(shape: object, mean: float) -> None:
    assert stretched(Duration.model_validate(shape), 2.0).mean == pytest.approx(mean)


def test_china_has_its_seats_by_population() -> None:
    counts = seats_by_province(10_000)
    assert sum(counts.values()) == 10_000
    assert counts.keys() == PROVINCES.keys()
    assert counts["guangdong"] == max(counts.values())
    assert min(seats_by_province(100).values()) == 1


def test_china_is_a_world() -> None:
    base = base_of(Scenario(nation=Nation(seats=500)), None)
    found = world_of(base, base.policies[0])
    assert len(found.plan.seats) == 500
    assert len(found.populations) == 31
    reserve = [seat for seat in found.plan.seats if any(m.queue == RESERVE for m in seat.queues)]
    assert 31 <= len(reserve) <= 60
    tibetan = next(kind for kind in found.kinds if kind.language == "bo")
    assert any(seat.skills.get("bo") for seat in found.plan.seats if seat.queues[0].queue == tibetan.queue)
    without = base_of(Scenario(nation=Nation(seats=500, reserve=0)), None)
    assert RESERVE not in without.floor.queues
    assert all(not isinstance(q, Served) for seat in without.floor.seats.values() for q in seat.queues)
