"""What reports show beside the key figures."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from acd.ids import Instant
from acd.service_level import MICRO
from callrouter.store.database import Database
from callrouter.store.packing import load

_OUTCOMES: Final = ("completed", "returned", "requeued", "abandoned")


async def transfer_rows(
    database: Database, since: int, until: int, now: Instant, organisations: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Attempts by target with what became of them, most attempts first. Raises `Unavailable`."""
    part = (await load(database, ("transfers",), since, until, now))["transfers"]
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
            }
        )
    return sorted(rows, key=lambda row: (-row["attempts"], row["target"]))


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
