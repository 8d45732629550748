"""What reports show beside the key figures."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import func, select

from acd.ids import Instant
from acd.service_level import MICRO
from callrouter.store import schema
from callrouter.store.database import Database
from callrouter.store.packed import Names, Numbers
from callrouter.store.packing import load
from callrouter.store.summing import by_cell

CAUSES_SHOWN: Final = 5
_TRANSFERS: Final = schema.transfers.c
_OUTCOMES: Final = ("completed", "returned", "requeued", "abandoned")


async def transfer_rows(
    database: Database, since: int, until: int, now: Instant, organisations: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Attempts by target with what became of them, most attempts first. Raises `Unavailable`."""
    names = ("target", "outcome", "organisation")
    part = (await load(database, ("transfers",), since, until, now, names))["transfers"]
    causes = await _causes(database, since, until, organisations)
    if organisations is not None:
        part = part.where(part.names["organisation"].equal(*organisations))
    targets = part.names["target"]
    reached = part.numbers["answered"] >= 0
    waits = np.where(reached, part.numbers["answered"] - part.numbers["asked"], 0)
    attempts = _by(targets, np.ones(part.length, dtype=np.int64))
    answered, waited = _by(targets, reached.astype(np.int64)), _by(targets, waits)
    outcomes = {name: _by(targets, part.names["outcome"].equal(name).astype(np.int64)) for name in _OUTCOMES}
    rows = [
        {
            "target": target,
            "attempts": attempts[place],
            "answered": answered[place],
            **{name: found[place] for name, found in outcomes.items()},
            "transfer_success": answered[place] / attempts[place],
            "mean_seconds_to_answer": waited[place] / answered[place] / MICRO if answered[place] else None,
            "causes": causes.get(target, ""),
        }
        for place, target in enumerate(targets.names)
        if attempts[place]
    ]
    return sorted(rows, key=lambda row: (-row["attempts"], row["target"]))


def _by(names: Names, values: Numbers) -> list[int]:
    """Sums by name. Whatever somebody dials is a target: there may be very many."""
    found: list[int] = by_cell(names.codes, values, len(names.names)).tolist()
    return found


async def _causes(
    database: Database, since: int, until: int, organisations: Sequence[str] | None
) -> dict[str, str]:
    """Why attempts failed, by target, the most frequent cause first: ``no_answer 3, cause_17 1``."""
    count = func.count().label("count")
    query = (
        select(_TRANSFERS.target, _TRANSFERS.cause, count)
        .join(schema.calls, schema.calls.c.call == _TRANSFERS.call)
        .where(schema.calls.c.ingress >= since, schema.calls.c.ingress < until, _TRANSFERS.cause != "")
        .group_by(_TRANSFERS.target, _TRANSFERS.cause)
        .order_by(count.desc(), _TRANSFERS.cause)
    )
    if organisations is not None:
        query = query.where(schema.calls.c.organisation.in_(organisations))
    found: defaultdict[str, list[str]] = defaultdict(list)
    async with database.read() as connection:
        for row in await connection.execute(query):
            found[row.target].append(f"{row.cause} {row[2]}")
    return {target: ", ".join(parts[:CAUSES_SHOWN]) for target, parts in found.items()}
