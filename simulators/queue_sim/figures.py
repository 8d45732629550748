"""Key figures of a replication, by the formulas that the live system uses."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from acd.service_level import FIGURE, Tally
from simulators.queue_sim.tally import CONTACT, COUNTED, IDLE, ROW, WRAP_UP
from simulators.queue_sim.tally import Tally as Counts
from simulators.queue_sim.world import SLOT, SLOTS_A_DAY, Floats, World

ALL: Final = "all"
NAMED: Final = (
    *("answer_rate", "answer_rate_without_short", "service_level_offered", "service_level_answered"),
    *("service_level_abandon_ok", "time_to_human", "asa", "abandonment", "abandonment_ringing"),
    *("callback_completion", "aht", "occupancy"),
)
"""Figures of `acd.service_level`; T is the queue's own target here."""
LEAST_IN_A_WINDOW: Final = 20
"""Calls without which a 24-hour window says nothing."""

_FIELDS: Final = (
    *("answered", "answered_in_target", "human_in_target", "abandoned_queue", "abandoned_ringing"),
    *("abandoned_in_target", "short", "missed", "called_back"),
)
_TIMES: Final = ("wait", "to_human", "talk")
_OFFERED: Final = ("answered", "abandoned_queue", "abandoned_ringing", "sent_away", "missed", "unfinished")
CURVES: Final = ("offered", "answered", "answered_in_target", "abandoned", "wait", "contact", "idle")

Figures = dict[str, float | None]


@dataclass(slots=True)
class Outcome:
    """What one replication of one policy has shown; small enough to be sent between processes."""

    policy: str
    replication: int
    calls: int
    covered: float
    """Share of the simulated time that was reached."""
    cpu_seconds: float
    figures: dict[str, Figures]
    """By scope: ``all``, ``queue NAME``, ``callers NAME``."""
    curves: dict[str, dict[str, Floats]]
    """By scope ``all`` or ``queue NAME``: sums for each quarter-hour of the day over all days."""
    waits: Floats
    """Answered callers by whole seconds waited."""
    by_day: dict[str, list[float]]
    exits: dict[str, int] = field(default_factory=dict)
    cut_off: int = 0


def outcome(
    world: World, counts: Counts, replication: int, covered: float = 1.0, cpu_seconds: float = 0.0
) -> Outcome:
    """Everything that is kept of a replication."""
    first = int(world.warm_up // SLOT)
    scopes = _scopes(world)
    kept = counts.counts[:, :, first:]
    figures = {
        name: _figures(
            kept[:, kinds].sum(axis=(1, 2)),
            _seat_time(counts, name, first),
            counts.waits[kinds].sum(axis=0).astype(np.float64),
        )
        for name, kinds in scopes.items()
    }
    figures[ALL]["worst_24h_answer_rate"] = worst_day(kept.sum(axis=1))
    return Outcome(
        policy=world.name,
        replication=replication,
        calls=int(sum(counts.counts[ROW[row]].sum() for row in _OFFERED)),
        covered=covered,
        cpu_seconds=cpu_seconds,
        figures=figures,
        curves={
            name: _curves(counts, kinds, name)
            for name, kinds in scopes.items()
            if name == ALL or name.startswith("queue ")
        },
        waits=counts.waits.sum(axis=0).astype(np.float64),
        by_day=_by_day(counts.counts.sum(axis=1)),
        exits=dict(counts.exits),
        cut_off=counts.cut_off,
    )


def _scopes(world: World) -> dict[str, list[int]]:
    """Kinds of callers by what figures are told for."""
    scopes: dict[str, list[int]] = {ALL: list(range(len(world.kinds)))}
    index = 0
    for population in world.populations:
        for kind in population.kinds:
            scopes.setdefault(f"queue {kind.queue}", []).append(index)
            scopes.setdefault(f"callers {population.name}", []).append(index)
            if kind.name != population.name:
                scopes.setdefault(f"callers {kind.name}", []).append(index)
            index += 1
    return scopes


def _seat_time(counts: Counts, scope: str, first: int) -> Floats | None:
    """Contact, idle and wrap-up seconds of the seats that belong to a scope."""
    if scope == ALL:
        return np.asarray(counts.seats[:, :, first:].sum(axis=(1, 2)))
    home = scope.removeprefix("queue ")
    if scope.startswith("queue ") and home in counts.homes:
        return np.asarray(counts.seats[:, counts.homes.index(home), first:].sum(axis=1))
    return None


def _figures(rows: Floats, seats: Floats | None, waits: Floats) -> Figures:
    tally = Tally(offered=round(sum(rows[ROW[row]] for row in _OFFERED)))
    tally.enqueued = tally.offered
    for name in _FIELDS:
        setattr(tally, name, round(rows[ROW[name]]))
    # As the live system counts them: whoever hung up while waiting is owed a callback, too.
    tally.missed += tally.abandoned_queue + tally.abandoned_ringing
    for name in _TIMES:
        setattr(tally, name, round(rows[ROW[name]] * 1e6))
    tally.handled = tally.answered
    if seats is not None:
        tally.on_contact, tally.idle, tally.wrap_up = (
            round(seats[what] * 1e6) for what in (CONTACT, IDLE, WRAP_UP)
        )
    found: Figures = {name: FIGURE[name].of(tally) for name in NAMED}
    if seats is None:
        found["aht"] = None
    found["calls"] = float(tally.offered)
    for name in ("delayed", "sent_away", "unfinished"):
        found[name] = _ratio(rows[ROW[name]], tally.offered)
    found["mean_wait"] = _ratio(rows[ROW["wait_all"]], tally.offered)
    for share, name in ((0.5, "wait_p50"), (0.9, "wait_p90"), (0.99, "wait_p99")):
        found[name] = percentile(waits, share)
    return found


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


def percentile(histogram: Floats, share: float) -> float | None:
    """Whole seconds within which that share was answered."""
    total = histogram.sum()
    return float(np.searchsorted(np.cumsum(histogram), share * total)) if total > 0 else None


def worst_day(rows: Floats) -> float | None:
    """The lowest answer rate of any 24 hours, by quarter-hours."""
    offered = sum(rows[ROW[row]] for row in _OFFERED)
    window = min(SLOTS_A_DAY, offered.shape[0])
    called, answered = (
        np.convolve(one, np.ones(window), mode="valid") for one in (offered, rows[ROW["answered"]])
    )
    telling = called >= LEAST_IN_A_WINDOW
    return float((answered[telling] / called[telling]).min()) if telling.any() else None


def _curves(counts: Counts, kinds: list[int], scope: str) -> dict[str, Floats]:
    rows = counts.counts[:, kinds].sum(axis=1)
    homes = [i for i, home in enumerate(counts.homes) if scope in (ALL, f"queue {home}")]
    found = {
        "offered": sum(rows[ROW[row]] for row in _OFFERED),
        "abandoned": rows[ROW["abandoned_queue"]] + rows[ROW["abandoned_ringing"]],
        "contact": counts.seats[CONTACT, homes].sum(axis=0),
        "idle": counts.seats[IDLE, homes].sum(axis=0),
    }
    found |= {name: rows[ROW[name]] for name in ("answered", "answered_in_target", "wait")}
    return {name: found[name].reshape(-1, SLOTS_A_DAY).sum(axis=0) for name in CURVES}


def _by_day(rows: Floats) -> dict[str, list[float]]:
    offered = sum(rows[ROW[row]] for row in _OFFERED)
    named = {"offered": offered} | {name: rows[ROW[name]] for name in ("answered", "answered_in_target")}
    return {name: one.reshape(-1, SLOTS_A_DAY).sum(axis=1).tolist() for name, one in named.items()}


assert set(_FIELDS) <= set(COUNTED)
