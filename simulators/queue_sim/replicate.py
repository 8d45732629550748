"""Replications of all policies over all cores.

Work is handed out replication by replication, all policies of one before the
next: whenever the user stops, as many full comparisons as possible are there.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.connection import wait as wait_for
from signal import SIG_IGN, SIGINT, signal
from time import monotonic, thread_time
from typing import Final, Protocol

from simulators.queue_sim.engine import DRAIN, Simulation
from simulators.queue_sim.figures import Outcome, outcome
from simulators.queue_sim.world import SLOT, World

CALLS_A_STEP: Final = 10_000
"""How often a worker tells how far it is and looks whether it shall stop."""
_POLL: Final = 0.2


class Flag(Protocol):
    """`threading.Event` or its namesake between processes."""

    def is_set(self) -> bool: ...

    def set(self) -> None: ...


class SimulationFailed(Exception):
    """A worker process is gone; the text says what to do."""


@dataclass(slots=True)
class Runs:
    """What has been simulated."""

    by_policy: dict[str, list[Outcome]]
    wanted: int
    """Replications of each policy."""
    seconds: float = 0.0
    stopped: bool = False
    processes: int = 1
    outcomes: int = field(default=0)

    @property
    def calls(self) -> int:
        return sum(one.calls for found in self.by_policy.values() for one in found)

    @property
    def cpu_seconds(self) -> float:
        return sum(one.cpu_seconds for found in self.by_policy.values() for one in found)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def replicate(
    worlds: Sequence[World],
    seed: int,
    replications: int,
    *,
    processes: int | None = None,
    progress: Callable[[float], None] = lambda share: None,
    stop: threading.Event | None = None,
) -> Runs:
    """Simulate every world `replications` times.

    `progress` is told the share done; when `stop` is set, what is finished (and
    how far the rest came) is returned. Raises SimulationFailed.
    """
    begun = monotonic()
    stop = stop or threading.Event()
    tasks = [(policy, number) for number in range(replications) for policy in range(len(worlds))]
    processes = min(processes or cores(), len(tasks))
    runs = Runs({world.name: [] for world in worlds}, replications, processes=processes)
    take = _alone if processes == 1 else _together
    for found in take(worlds, seed, tasks, processes, progress, stop):
        runs.by_policy[found.policy].append(found)
        runs.outcomes += 1
    runs.stopped = stop.is_set()
    runs.seconds = monotonic() - begun
    return runs


def simulate(world: World, seed: int, replication: int, tell: Callable[[float], None], stop: Flag) -> Outcome:
    """One replication, told about step by step."""
    begun = thread_time()
    simulation = Simulation(world, seed, replication)
    a_second = max(world.expected_calls() / world.length, 1e-9)
    step = max(SLOT, CALLS_A_STEP / a_second)
    at = 0.0
    while not simulation.done and not stop.is_set():
        at += step
        simulation.advance(at)
        tell(min(1.0, at / (world.length + DRAIN)))
    covered = 1.0 if simulation.done else min(1.0, at / world.length)
    tell(1.0)
    return outcome(world, simulation.tally, replication, covered, thread_time() - begun)


def _alone(
    worlds: Sequence[World],
    seed: int,
    tasks: Sequence[tuple[int, int]],
    processes: int,
    progress: Callable[[float], None],
    stop: threading.Event,
) -> list[Outcome]:
    found: list[Outcome] = []
    for done, (policy, number) in enumerate(tasks):
        if stop.is_set():
            break

        def tell(share: float, done: int = done) -> None:
            progress((done + share) / len(tasks))

        found.append(simulate(worlds[policy], seed, number, tell, stop))
    return found


def _together(
    worlds: Sequence[World],
    seed: int,
    tasks: Sequence[tuple[int, int]],
    processes: int,
    progress: Callable[[float], None],
    stop: threading.Event,
) -> list[Outcome]:
    context = multiprocessing.get_context("spawn")
    halt = context.Event()
    shares = context.Array("d", len(tasks), lock=False)
    found: list[Outcome] = []
    pool = ProcessPoolExecutor(
        processes, mp_context=context, initializer=_begin, initargs=(list(worlds), seed, shares, halt)
    )
    with pool:
        open_: set[Future[Outcome | None]] = {
            pool.submit(_work, index, *task) for index, task in enumerate(tasks)
        }
        while open_:
            done, open_ = wait(open_, timeout=_POLL, return_when=FIRST_COMPLETED)
            if stop.is_set():
                halt.set()
            found += [one for one in map(_result, done) if one is not None]
            progress(sum(shares) / len(tasks))
    return found


def _result(future: "Future[Outcome | None]") -> Outcome | None:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise SimulationFailed(
            "a worker process died, most likely for lack of memory: try fewer --processes or fewer days"
        ) from error


# --- in a worker process


@dataclass(slots=True)
class _Share:
    worlds: list[World]
    seed: int
    shares: "Sequence[float]"
    halt: Flag


_share: _Share | None = None


def _begin(worlds: list[World], seed: int, shares: "Sequence[float]", halt: Flag) -> None:
    global _share
    _share = _Share(worlds, seed, shares, halt)
    # Ctrl-C reaches the whole process group; the parent says when to stop.
    signal(SIGINT, SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker must not outlive the command, however that ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _work(index: int, policy: int, replication: int) -> Outcome | None:
    share = _share
    if share is None:
        raise RuntimeError("the worker was not set up")
    if share.halt.is_set():
        return None

    def tell(done: float) -> None:
        share.shares[index] = done  # type: ignore[index]

    return simulate(share.worlds[policy], share.seed, replication, tell, share.halt)
