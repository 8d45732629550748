"""CPU and memory of the processes that take part, sampled once a second from the system's accounting."""

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from callrouter.store.scribe import MODULE
from simulators.processes import children


@dataclass(slots=True)
class Usage:
    """What a name stands for: one process, or several.

    Of their children only those are in it that write a controller's records: a demo's are phones
    and Asterisks besides.
    """

    cpu_seconds: float = 0.0
    peak_memory: int = 0
    """Bytes resident."""
    cpu: list[float] = field(default_factory=list)
    """Cores used in each second."""
    memory: list[int] = field(default_factory=list)
    gone: bool = False
    """It ended while it was watched."""


@dataclass(slots=True)
class _Helper:
    """A child that does a part of a watched process's work; what it had used before does not count."""

    process: psutil.Process
    base: float
    spent: float = 0.0

    def look(self) -> None:
        known = _cpu(self.process)
        if known is not None:
            self.spent = max(self.spent, known - self.base)


class Watch:
    """Samples until stopped. Processes may join while it runs."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self.usage: dict[str, Usage] = {}
        self.lateness: list[float] = []
        """How late each sample was, seconds: what this very program could not keep up with."""
        self._processes: dict[str, list[psutil.Process]] = {}
        self._base: dict[str, float] = {}
        self._helpers: dict[str, list[_Helper]] = {}
        self._children: set[int] = set()
        """Looked at already, helpers or not."""
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
        self._children.clear()
        self._helpers.clear()
        for name in self._processes:
            self._find_helpers(name)
            for helper in self._helpers.get(name, ()):
                helper.base = _cpu(helper.process) or 0.0

    def _find_helpers(self, name: str) -> None:
        for parent in self._processes[name]:
            for pid in set(children(parent.pid)) - self._children:
                with contextlib.suppress(psutil.Error):  # gone meanwhile
                    child = psutil.Process(pid)
                    words = child.cmdline()
                    if words == parent.cmdline():
                        continue  # not yet what it will be: the next look tells
                    self._children.add(pid)
                    if MODULE in words:
                        self._helpers.setdefault(name, []).append(_Helper(child, base=0.0))

    def sample(self, interval: float = 1.0) -> None:
        """Note what was used in the last `interval` seconds."""
        for name, processes in self._processes.items():
            usage = self.usage[name]
            spent = [_cpu(process) for process in processes]
            usage.gone = usage.gone or any(value is None for value in spent)
            self._find_helpers(name)
            helpers = self._helpers.get(name, [])
            for helper in helpers:
                helper.look()
            known = sum(value for value in spent if value is not None) - self._base[name]
            known += sum(helper.spent for helper in helpers)
            # A process that has ended takes its account with it: keep what was known.
            total = max(known, usage.cpu_seconds)
            usage.cpu.append((total - usage.cpu_seconds) / interval)
            usage.cpu_seconds = total
            everyone = [*processes, *(helper.process for helper in helpers)]
            usage.memory.append(sum(_memory(process) for process in everyone))
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
