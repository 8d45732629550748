"""CPU and memory of the processes that take part, sampled once a second from the system's accounting."""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil


@dataclass(slots=True)
class Usage:
    """What a name stands for: one process, or several; their children are not in it."""

    cpu_seconds: float = 0.0
    peak_memory: int = 0
    """Bytes resident."""
    cpu: list[float] = field(default_factory=list)
    """Cores used in each second."""
    memory: list[int] = field(default_factory=list)
    gone: bool = False
    """It ended while it was watched."""


class Watch:
    """Samples until stopped. Processes may join while it runs."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self.usage: dict[str, Usage] = {}
        self.lateness: list[float] = []
        """How late each sample was, seconds: what this very program could not keep up with."""
        self._processes: dict[str, list[psutil.Process]] = {}
        self._base: dict[str, float] = {}
        for name, pid in processes.items():
            self.add(name, psutil.Process(pid))
        self.add("load", psutil.Process(os.getpid()))

    def add(self, name: str, process: psutil.Process) -> None:
        """Watch `process` under `name`; several under one name add up."""
        self.usage.setdefault(name, Usage())
        self._processes.setdefault(name, []).append(process)
        self._base[name] = self._base.get(name, 0.0) + (_cpu(process) or 0.0)

    async def run(self, interval: float = 1.0) -> None:
        """Sample until cancelled. What was used before, in sign-ins and registrations, does not count."""
        self._begin_anew()
        before = due = time.monotonic()
        while True:
            due += interval
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            self.lateness.append(now - due)
            self.sample(now - before)
            before = now

    def _begin_anew(self) -> None:
        for name, processes in self._processes.items():
            self._base[name] = sum(_cpu(process) or 0.0 for process in processes)

    def sample(self, interval: float = 1.0) -> None:
        """Note what was used in the last `interval` seconds."""
        for name, processes in self._processes.items():
            usage = self.usage[name]
            spent = [_cpu(process) for process in processes]
            usage.gone = usage.gone or any(value is None for value in spent)
            known = sum(value for value in spent if value is not None) - self._base[name]
            # A process that has ended takes its account with it: keep what was known.
            total = max(known, usage.cpu_seconds)
            usage.cpu.append((total - usage.cpu_seconds) / interval)
            usage.cpu_seconds = total
            usage.memory.append(sum(_memory(process) for process in processes))
            usage.peak_memory = max(usage.peak_memory, usage.memory[-1])


def _cpu(process: psutil.Process) -> float | None:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
