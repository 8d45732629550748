"""All cases side by side, and what the whole of them must have left behind: exact books, and nothing else."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from callrouter.cli.reconcile import EVENTS
from callrouter.store.reconcile import Difference, compare, read_events
from tests.asterisk.transfer_proof import books
from tests.asterisk.transfer_proof.plan import Case
from tests.asterisk.transfer_proof.town import WRAP_UP, Town
from tests.asterisk.transfer_proof.trial import Trial, Verdict

SIDE_BY_SIDE: Final = 24
"""Cases at a time: what two cores carry without making the tests' own ears late."""
STAMPS: Final = ("ingress", "accepted", "ended")
LAG: Final = 3.0
"""Seconds that our stamps may lag on a machine that runs all phones, two Asterisks and the tests."""
EXPECTED: Final = ("Playback failed", "PubSub Module", "high water mark")
"""Warnings of Asterisk that somebody hung up during a prompt, about its own start, and that two hundred
keys at once fill its queue of events for us (500) for a moment: what would be lost by that, cases tell."""


@dataclass(slots=True)
class Proof:
    """What came of many cases. Everything but `verdicts` and figures is empty when all is well."""

    verdicts: list[Verdict]
    seconds: float
    left_behind: list[str] = field(default_factory=list)
    """Channels and bridges of ours, calls at the partners'."""
    books: list[str] = field(default_factory=list)
    """Seats' times against calls' times, one record a call, our records against Asterisk's own."""
    log: list[str] = field(default_factory=list)
    loop_delay: float = 0.0
    """99th percentile of the controller's delay during the run, seconds; tests and phones share its loop."""

    @property
    def lost(self) -> int:
        return sum(verdict.lost for verdict in self.verdicts)

    @property
    def faults(self) -> list[str]:
        """All that is wrong, in words."""
        of_cases = [f"{one.case}: {fault} [{one.call}]" for one in self.verdicts for fault in one.faults]
        return [*of_cases, *self.left_behind, *self.books, *self.log]


async def prove(
    town: Town,
    cases: Sequence[Case],
    *,
    side_by_side: int = SIDE_BY_SIDE,
    trial: Callable[[Town, Case], Trial] = Trial,
) -> Proof:
    """Let every case happen."""
    gate = asyncio.Semaphore(side_by_side)
    began, wall = time.monotonic(), time.time()

    async def one(case: Case) -> Verdict:
        async with gate:
            return await trial(town, case).run()

    proof = Proof(list(await asyncio.gather(*(one(case) for case in cases))), 0.0)
    proof.seconds = time.monotonic() - began
    proof.loop_delay = town.engine.health().loop_delay_p99
    proof.left_behind = await town.leaks()
    proof.left_behind += await _at_partners(town)
    proof.books = await _books(town, [one.call for one in proof.verdicts if one.call], wall)
    proof.log = [line for line in _logs(town) if not any(word in line for word in EXPECTED)]
    return proof


async def _at_partners(town: Town) -> list[str]:
    def left() -> list[str]:
        calls = town.partners.calls.values()
        return [f"partner's call {one.call} of {one.caller}" for one in calls if one.ended is None]

    try:
        await town.partners.wait(lambda: not left(), 5)
    except TimeoutError:
        return left()
    return []


async def _books(town: Town, calls: Sequence[str], since: float) -> list[str]:
    """Read when the last wrap-up is over and written."""
    app = town.province.app
    await town.until(town.all_at_rest, "the end of all wrap-ups", WRAP_UP + 10)
    await app.writer.flush()
    database = app.settings.state_dir / "callrouter.sqlite"
    faults = [*books.one_record_each(database, calls), *books.seats_against_calls(database, calls)]
    channels, unreadable = read_events(app.settings.state_dir / EVENTS)
    records = [record async for record in app.records.stream(since=since - 1, until=time.time())]
    found = compare(records, channels, since=since - 1, until=time.time())
    differences = [one for one in found.differences if not _late(one)]
    faults += [f"Asterisk says otherwise: {one}" for one in differences]
    if unreadable or found.records < len(calls):
        faults.append(
            f"{found.records} records of {len(calls)} calls, {unreadable} of Asterisk's lines unread"
        )
    return faults


def _late(difference: Difference) -> bool:
    """A stamp that lags because the machine was busy with the tests themselves."""
    ours, theirs = difference.ours, difference.asterisk
    return ours is not None and theirs is not None and difference.what in STAMPS and 0 <= ours - theirs <= LAG


def _logs(town: Town) -> Iterable[str]:
    yield from town.province.asterisk.log_faults()
    yield from town.partners.log_faults()
