"""What a comparison has shown, as plain data: the JSON file, the screen and the page are made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from acd.service_level import FIGURE
from simulators.queue_sim.compare import Estimate, complete, differences, means
from simulators.queue_sim.figures import Outcome
from simulators.queue_sim.policies import Base
from simulators.queue_sim.replicate import Runs
from simulators.queue_sim.staffing import Advice, seat_hours
from simulators.queue_sim.world import SLOT, World

FIRST_SHOWN: Final = (
    *("answer_rate", "worst_24h_answer_rate", "service_level_offered", "asa", "time_to_human"),
    *("abandonment", "wait_p90", "occupancy", "aht"),
)
SECONDS: Final = frozenset({"asa", "time_to_human", "aht", "mean_wait", "wait_p50", "wait_p90", "wait_p99"})
FORMULAS: Final = {
    "worst_24h_answer_rate": "lowest answer rate of any 24 hours, by quarter-hours",
    "delayed": "not answered at once ÷ offered",
    "mean_wait": "mean wait of all callers, those who gave up included",
    "wait_p50": "half of the answered waited at most so long",
    "wait_p90": "90 % of the answered waited at most so long",
    "wait_p99": "99 % of the answered waited at most so long",
    "sent_away": "sent back to the flow (queue full, too long …) ÷ offered",
    "unfinished": "still waiting when the simulation ended ÷ offered",
    "calls": "visits to a queue, further attempts included",
}
PLOTTED_WAITS: Final = 600


def document(
    base: Base, worlds: Sequence[World], runs: Runs, advice: Mapping[str, Sequence[Advice]]
) -> dict[str, Any]:
    """Everything about a comparison. `advice`: recommended seats by queue, for the first policy."""
    scenario = base.scenario
    used = complete(runs.by_policy)
    first = used[worlds[0].name]
    cpu = runs.cpu_seconds
    return {
        "name": scenario.name,
        "seed": scenario.seed,
        "days": scenario.days,
        "starts": scenario.starts.isoformat() if scenario.starts else None,
        "replications": min((len(found) for found in used.values()), default=0),
        "replications_wanted": runs.wanted,
        "stopped": runs.stopped,
        "seconds": runs.seconds,
        "calls_simulated": runs.calls,
        "calls_a_minute_a_core": runs.calls / cpu * 60 if cpu > 0 else None,
        "processes": runs.processes,
        "formulas": formulas(worlds[0]),
        "policies": [_policy(world.name, used[world.name], first) for world in worlds],
        "staffing": {
            "promise": scenario.promise.model_dump(),
            "queues": {
                queue: staffing_rows(found, scenario.promise.shrinkage) for queue, found in advice.items()
            },
        },
    }


def formulas(world: World) -> dict[str, str]:
    """What each figure is. The queues' own targets stand for T."""
    targets = sorted({plan.target for plan in world.plan.queues})
    told = ", ".join(f"{target:g}" for target in targets)
    own = {
        name: FIGURE[name].formula.replace("15 s", "T")
        for name in FIGURE
        if name in FIRST_SHOWN or name.startswith(("service", "answer", "abandon", "callback"))
    }
    return own | FORMULAS | {"T": f"the queue's target, here {told} s"}


def _policy(name: str, outcomes: Sequence[Outcome], first: Sequence[Outcome]) -> dict[str, Any]:
    report: dict[str, Any] = {"name": name, "replications": len(outcomes)}
    if not outcomes:
        return report | {"figures": {}, "curves": {}, "against_first": {}}
    report["covered"] = float(np.mean([one.covered for one in outcomes]))
    report["figures"] = {
        scope: {figure: _numbers(one) for figure, one in found.items()}
        for scope, found in means(outcomes).items()
    }
    against = differences(first, outcomes) if outcomes is not first else {}
    report["against_first"] = {
        figure: _numbers(one) | {"telling": one.telling} for figure, one in against.items()
    }
    report["curves"] = {scope: _curve(outcomes, scope) for scope in outcomes[0].curves}
    waits = np.sum([one.waits for one in outcomes], axis=0)
    report["wait_distribution"] = (np.cumsum(waits) / max(waits.sum(), 1.0))[:PLOTTED_WAITS].tolist()
    report["by_day"] = {
        key: np.mean([one.by_day[key] for one in outcomes], axis=0).tolist() for key in outcomes[0].by_day
    }
    report["exits"] = {
        reason: float(np.mean([one.exits.get(reason, 0) for one in outcomes]))
        for reason in sorted({reason for one in outcomes for reason in one.exits})
    }
    report["cut_off"] = float(np.mean([one.cut_off for one in outcomes]))
    return report


def _numbers(one: Estimate) -> dict[str, Any]:
    return {"mean": one.mean, "low": one.low, "high": one.high}


def _curve(outcomes: Sequence[Outcome], scope: str) -> dict[str, list[float | None]]:
    """By quarter-hour of the day, over all days and replications."""
    total = {
        name: np.sum([one.curves[scope][name] for one in outcomes], axis=0)
        for name in outcomes[0].curves[scope]
    }
    days = sum(one.covered * len(one.by_day["offered"]) for one in outcomes)
    time = total["contact"] + total["idle"]
    return {
        "calls_per_hour": (total["offered"] / days * 4).tolist(),
        "answer_rate": _ratios(total["answered"], total["offered"]),
        "service_level_offered": _ratios(total["answered_in_target"], total["offered"]),
        "asa": _ratios(total["wait"], total["answered"]),
        "occupancy": _ratios(total["contact"], time),
        "seats_staffed": (time / days / SLOT).tolist(),
    }


def _ratios(part: Any, whole: Any) -> list[float | None]:
    return [float(one / of) if of > 0 else None for one, of in zip(part, whole, strict=True)]


def staffing_rows(advice: Sequence[Advice], shrinkage: float) -> dict[str, Any]:
    """Recommended seats of one queue as plain data."""
    return {
        "quarter_hours": [
            {
                "time": one.demand.time,
                "calls_per_hour": one.demand.calls_per_hour,
                "aht": one.demand.aht,
                "patience": one.demand.patience,
                "load": one.demand.load,
                **{key: value for key, value in asdict(one).items() if key != "demand"},
                "paid": one.paid(shrinkage),
            }
            for one in advice
        ],
        "seat_hours": {
            "erlang_c": seat_hours(advice, lambda one: one.erlang_c),
            "erlang_a": seat_hours(advice, lambda one: one.erlang_a),
            "simulated": seat_hours(advice, lambda one: one.simulated),
        },
    }


def show(name: str, value: float | None) -> str:
    """A figure as people read it."""
    if value is None:
        return "–"
    if name == "calls":
        return f"{value:,.0f}"
    return f"{value:.1f} s" if name in SECONDS else f"{value:.1%}"


def show_difference(name: str, value: float) -> str:
    """Points for ratios, seconds for times."""
    if name == "calls":
        return f"{value:+,.0f}"
    return f"{value:+.1f} s" if name in SECONDS else f"{value * 100:+.1f} pt"
