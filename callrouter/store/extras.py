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
from callrouter.store.packing import load

CAUSES_SHOWN: Final = 5
_TRANSFERS: Final = schema.transfers.c
_OUTCOMES: Final = ("completed", "returned", "requeued", "abandoned")


async def transfer_rows(
    database: Database, since: int, until: int, now: Instant, organisations: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Attempts by target with what became of them, most attempts first. Raises `Unavailable`."""
    part = (await load(database, ("transfers",), since, until, now))["transfers"]
    causes = await _causes(database, since, until, organisations)
    if organisations is not None:
        part = part.where(part.names["organisation"].equal(*organisations))
    rows = []
    for place, target in enumerate(part.names["target"].names):
        one = part.where(part.names["target"].codes == place)
        if not one.length:
            continue
        answered = one.numbers["answered"] >= 0
        waits = (one.numbers["answered"] - one.numbers["asked"])[answered]
        rows.append(
            {
                "target": target,
                "attempts": one.length,
                "answered": int(answered.sum()),
                **{name: int(one.names["outcome"].equal(name).sum()) for name in _OUTCOMES},
                "transfer_success": float(answered.mean()),
                "mean_seconds_to_answer": float(waits.mean()) / MICRO if waits.size else None,
                "causes": causes.get(target, ""),
            }
        )
    return sorted(rows, key=lambda row: (-row["attempts"], row["target"]))


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


async def away_by_seat(database: Database, since: int, until: int, now: Instant) -> dict[str, int]:
    """Microseconds each seat was signed in but not ready. Raises `Unavailable`."""
    part = (await load(database, ("seat_time",), since, until, now))["seat_time"]
    found: defaultdict[str, int] = defaultdict(int)
    sums = np.bincount(
        part.names["seat"].codes.astype(np.intp),
        weights=part.numbers["away"].astype(np.float64),
        minlength=len(part.names["seat"].names),
    ).tolist()
    for name, total in zip(part.names["seat"].names, sums, strict=True):
        found[name] += int(total)
    return dict(found)
