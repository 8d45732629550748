"""Days packed into columns, kept beside the rows they were made from.

A day that is over is packed once, by whoever first asks for it, and read from
then on; the writer removes a day's columns in the very transaction that adds
anything to the day. Packing holds the writer's lock, so that nothing can be
added between reading the rows and keeping their columns.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import TextClause, delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from acd.agent import READY
from acd.ids import Instant
from acd.shift import AWAY
from callrouter.ports import Unavailable
from callrouter.store import schema
from callrouter.store.database import Database
from callrouter.store.entries import DAY
from callrouter.store.inserting import lock_days
from callrouter.store.packed import Packed
from callrouter.store.rows import micros

QUARTER: Final = 900 * 1_000_000
SETTLED: Final = 3600 * 1_000_000
"""A day is packed when it has been over for so long: until then late entries are likely."""

_OF_CALL: Final = ("organisation", "line", "queue", "language", "skills")

COLUMNS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "calls": (("ingress", "wait", "span", "enqueued", "answered"), (*_OF_CALL, "outcome")),
    "contacts": (("ingress", "talk", "hold", "wrap_up", "handled"), (*_OF_CALL, "seat")),
    "transfers": (
        ("ingress", "asked", "answered", "ended"),
        (*_OF_CALL, "seat", "target", "outcome", "kind"),
    ),
    "seat_time": (("ingress", "on_contact", "idle", "away"), ("seat",)),
    "callbacks": (("ingress", "ended"), (*_OF_CALL, "outcome", "origin")),
    "surveys": (("ingress", "grade"), (*_OF_CALL, "seat")),
}
"""Numbers and names of each kind. ``ingress`` is the instant by which rows are selected.

A callback's and a survey's is when it was asked; ``origin`` is the outcome of the call that was missed.
"""

_CALL_COLUMNS: Final = "c.ingress, c.organisation, c.dialled AS line, c.queue, c.language, c.skills"
_OF_ITS_CALL: Final = "c.organisation, c.dialled AS line, c.language, c.skills"
_QUERIES: Final[Mapping[str, TextClause]] = {
    # wait: from the queue (or the INVITE) to the answer, or to the end; span: the same from the INVITE.
    "calls": text(
        f"SELECT {_CALL_COLUMNS}, c.outcome, "
        "COALESCE(c.answered, c.ended) - COALESCE(c.enqueued, c.ingress) AS wait, "
        "COALESCE(c.answered, c.ended) - c.ingress AS span, "
        "CASE WHEN c.enqueued IS NULL THEN 0 ELSE 1 END AS enqueued, "
        "CASE WHEN c.answered IS NULL THEN 0 ELSE 1 END AS answered "
        "FROM calls c WHERE c.ingress >= :since AND c.ingress < :until ORDER BY c.ingress"
    ),
    "contacts": text(
        f"SELECT {_CALL_COLUMNS}, s.party AS seat, "
        "SUM(CASE WHEN s.activity IN ('talk', 'consult', 'conference') THEN s.ended - s.started ELSE 0 END)"
        " AS talk, "
        "SUM(CASE WHEN s.activity = 'hold' THEN s.ended - s.started ELSE 0 END) AS hold, "
        "SUM(CASE WHEN s.activity = 'wrap_up' THEN s.ended - s.started ELSE 0 END) AS wrap_up, "
        "MAX(CASE WHEN s.activity IN ('talk', 'consult', 'conference') THEN 1 ELSE 0 END) AS handled "
        "FROM calls c JOIN segments s ON s.call = c.call "
        "WHERE c.ingress >= :since AND c.ingress < :until AND s.role = 'seat' "
        "GROUP BY c.call, c.ingress, c.organisation, c.dialled, c.queue, c.language, c.skills, "
        "s.track, s.party "
        "ORDER BY c.ingress"
    ),
    "transfers": text(
        f'SELECT {_CALL_COLUMNS}, t."by" AS seat, t.target, t.outcome, t.kind, t.asked, t.answered, t.ended '
        "FROM calls c JOIN transfers t ON t.call = c.call "
        "WHERE c.ingress >= :since AND c.ingress < :until ORDER BY c.ingress"
    ),
    "callbacks": text(
        f"SELECT b.asked AS ingress, b.ended, b.outcome, b.queue, c.outcome AS origin, {_OF_ITS_CALL} "
        "FROM callbacks b LEFT JOIN calls c ON c.call = b.origin "
        "WHERE b.asked >= :since AND b.asked < :until ORDER BY b.asked"
    ),
    "surveys": text(
        f"SELECT v.asked AS ingress, v.grade, v.seat, c.queue, {_OF_ITS_CALL} "
        "FROM surveys v LEFT JOIN calls c ON c.call = v.call "
        "WHERE v.asked >= :since AND v.asked < :until ORDER BY v.asked"
    ),
    "seat_time": text(
        "SELECT seat, state, started, ended FROM seat_intervals "
        "WHERE started >= :since AND started < :until ORDER BY started"
    ),
}


async def load(
    database: Database,
    kinds: Sequence[str],
    since: int,
    until: int,
    now: Instant,
    names: Collection[str] | None = None,
) -> dict[str, Packed]:
    """Columns of each kind with ``since ≤ ingress < until`` (microseconds). Raises `Unavailable`.

    `names`: of the columns of names only these.

    All kinds of a day are read at one instant: what one counts, the others count too.
    """
    days = range(since // DAY, -(-until // DAY))
    found = {kind: dict[int, Packed]() for kind in kinds}
    async with database.read() as connection:
        await _read_kept(connection, found, days)
        for day in days:
            if micros(now) < (day + 1) * DAY + SETTLED:
                for kind in kinds:
                    found[kind][day] = await _pack(connection, kind, day)
    for day in days:
        missing = [kind for kind in kinds if day not in found[kind]]
        for kind, packed in (await _pack_for_good(database, missing, day)).items() if missing else ():
            found[kind][day] = packed
    return {kind: _joined(kind, [found[kind][day] for day in days], since, until, names) for kind in kinds}


def _joined(
    kind: str, parts: Sequence[Packed], since: int, until: int, names: Collection[str] | None
) -> Packed:
    numbers, all_names = COLUMNS[kind]
    kept = [name for name in all_names if names is None or name in names]
    whole = Packed.join([part for part in parts if part.length], numbers, kept)
    if since % DAY == 0 and until % DAY == 0 and kind != "seat_time":
        return whole
    ingress = whole.numbers["ingress"]
    return whole.where((ingress >= since) & (ingress < until))


async def _read_kept(connection: AsyncConnection, found: dict[str, dict[int, Packed]], days: range) -> None:
    columns = schema.packed_days.c
    query = select(columns.day, columns.kind, columns.data).where(
        columns.kind.in_(list(found)), columns.day >= days.start, columns.day < days.stop
    )
    for row in await connection.execute(query):
        packed = Packed.from_bytes(row.data)
        if packed is not None:
            found[row.kind][row.day] = packed.with_names(COLUMNS[row.kind][1])


async def _pack_for_good(database: Database, kinds: Sequence[str], day: int) -> dict[str, Packed]:
    try:
        async with database.write() as connection:
            await lock_days(connection)
            made = {kind: await _pack(connection, kind, day) for kind in kinds}
            for kind, packed in made.items():
                await _keep(connection, kind, day, packed)
            return made
    except Unavailable:
        # A report must not fail because its columns cannot be kept: the file may be read-only.
        async with database.read() as connection:
            return {kind: await _pack(connection, kind, day) for kind in kinds}


async def _keep(connection: AsyncConnection, kind: str, day: int, packed: Packed) -> None:
    columns = schema.packed_days.c
    await connection.execute(delete(schema.packed_days).where(columns.day == day, columns.kind == kind))
    await connection.execute(insert(schema.packed_days).values(day=day, kind=kind, data=packed.to_bytes()))


async def _pack(connection: AsyncConnection, kind: str, day: int) -> Packed:
    bounds = {"since": day * DAY, "until": (day + 1) * DAY}
    rows = (await connection.execute(_QUERIES[kind], bounds)).mappings().all()
    make: Callable[[Iterable[Any]], Sequence[Mapping[str, Any]]] = _SHAPES.get(kind, list)
    return Packed.of(make(rows), *COLUMNS[kind])


def _quarters(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Seat time by seat and quarter-hour: an interval is shared out among those it touches."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for row in rows:
        state = row["state"]
        column = "idle" if state == READY else "away" if state in AWAY else "on_contact"
        begin = row["started"]
        while begin < row["ended"]:
            quarter = begin // QUARTER * QUARTER
            end = min(row["ended"], quarter + QUARTER)
            empty = {"ingress": quarter, "seat": row["seat"], "on_contact": 0, "idle": 0, "away": 0}
            found.setdefault((quarter, row["seat"]), empty)[column] += end - begin
            begin = end
    return [found[key] for key in sorted(found)]


_SHAPES: Final = {"seat_time": _quarters}
