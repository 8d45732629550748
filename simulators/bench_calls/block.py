"""A number of calls handled one way: what happened, and what it has cost."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from simulators.bench_calls.account import accounts, until_quiet
from simulators.bench_calls.plan import ADDRESSES, Way, dialled
from simulators.bench_calls.reading import Seen, share
from simulators.bench_calls.town import Phones, Town
from simulators.sipp import SippProcess
from simulators.sipp_log import Tail, parse_message
from simulators.sipp_scripts import bench_caller_scenario

PATIENCE: Final = 30.0
"""Seconds beyond dialling and talk within which all calls are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block. Times in seconds, CPU in seconds of one core."""

    way: str
    calls: int
    """Dialled."""
    met: int
    """Callers who spoke with a seat."""
    failed: int
    """Calls that SIPp broke off."""
    rate: float
    """As dialled, calls a second."""
    wait_p50: float
    wait_p99: float
    """From the caller's INVITE to the INVITE at a seat."""
    repeats: dict[str, int]
    """SIP messages seen twice, by side and method."""
    offers_again: int
    """INVITEs to seats within calls that stood already."""
    cpu: dict[str, float]
    """By process: ``asterisk``, and ``controller`` when there is one."""
    quiet: bool
    """Whether the processes came to rest before their accounts were read."""
    gaps: tuple[float, ...] = field(default=(), repr=False)
    """From the end of a seat's call to its next INVITE."""

    @property
    def clean(self) -> bool:
        """Everybody met a seat, and no message had to be sent twice."""
        return self.calls > 0 and self.met == self.calls and not self.failed and not self.repeats

    def per_call(self, process: str) -> float:
        """Milliseconds of CPU for each caller who met a seat."""
        return 1e3 * self.cpu.get(process, 0.0) / max(1, self.met)

    @property
    def total(self) -> float:
        """Milliseconds of CPU of all processes for each caller who met a seat."""
        return sum(self.per_call(name) for name in self.cpu)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What the callers of a block do; at most `at_once` calls live, each that ends makes room for one."""

    calls: int
    rate: float
    talk: float
    few: bool = False
    patience: float | None = None
    """Beyond dialling and talk: who is not through by then has met nobody. None: long enough for all."""
    at_once: int = 10_000


async def run_block(town: Town, way: Way, demand: Demand, controller: int | None = None) -> Block:
    """Make the calls, wait until they are over and all is at rest. Raises SippError, ToolchainError."""
    phones = town.few_phones if demand.few else town.phones
    pids = {"asterisk": town.asterisk_pid} | ({"controller": controller} if controller is not None else {})
    name = town.next_name(way)
    numbers = [f"138{town.serial % 1000:03d}{turn:05d}" for turn in range(demand.calls)]
    rows = [
        (number, dialled(way, demand.few, turn, town.few if demand.few else town.seats))
        for turn, number in enumerate(numbers)
    ]
    await until_quiet(pids)
    _forget(phones)
    before = accounts(pids)
    process = await SippProcess.start(
        name,
        bench_caller_scenario(demand.talk),
        town.sip,
        town.sipp,
        rows=rows,
        host=ADDRESSES[way],
        rate=demand.rate,
        most_calls=demand.calls,
        at_once=demand.at_once,
        seconds=_limit(town, demand),
    )
    try:
        await process.wait(_limit(town, demand) + (PATIENCE if demand.patience is None else 0.0))
        quiet = await until_quiet(pids)
        after = accounts(pids)
    finally:
        await process.stop()
    return _told(way, process, phones, numbers, {pid: after[pid] - before[pid] for pid in pids}, quiet)


def _limit(town: Town, demand: Demand) -> float:
    if demand.patience is not None:
        return demand.calls / demand.rate + demand.talk + demand.patience
    served = len(town.few) if demand.few else demand.rate * max(1.0, demand.talk)
    return demand.calls / demand.rate + 3 * demand.calls / max(1.0, served) + demand.talk + PATIENCE


def _forget(phones: Phones) -> None:
    """What the phones have logged so far belongs to others."""
    phones.read()
    deque(phones.notes.lines(), maxlen=0)


def _told(
    way: Way, process: SippProcess, phones: Phones, numbers: list[str], cpu: Mapping[str, float], quiet: bool
) -> Block:
    seen, log = Seen(), Tail(process.messages)
    seen.callers((one for line in log.lines() if (one := parse_message(line)) is not None), numbers)
    log.close()
    seen.seats_called(phones.read())
    seen.noted(phones.notes.lines())
    waits, stats = seen.waits(), process.stats()
    begun = sorted(seen.dialled.values())
    span = begun[-1] - begun[0] if len(begun) > 1 else 0.0
    return Block(
        way=way,
        calls=len(begun),
        met=seen.met,
        failed=stats.failed,
        rate=(len(begun) - 1) / span if span else 0.0,
        wait_p50=share(waits, 0.5),
        wait_p99=share(waits, 0.99),
        repeats=dict(seen.repeats),
        offers_again=seen.offers_again,
        cpu=dict(cpu),
        quiet=quiet,
        gaps=tuple(seen.gaps()),
    )
