"""A year of a province's calls in a database, and what each report of it takes: seconds and memory.

The rows are drawn, not routed: what counts here is how many there are and how they
spread over days, organisations, queues and seats. Each report runs as a person runs it,
as a process of its own.
"""

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from callrouter.store import migrate, schema
from callrouter.store.database import DATABASE_NAME, Database
from callrouter.toolchain.share import share_folder

WANTED_SECONDS: Final = 2.0
WANTED_MEBIBYTES: Final = 500.0
PACKING: Final = "packing, once"
CALLS: Final = 1_100_000
DAYS: Final = 365
BEGIN: Final = 1_704_038_400
"""2024-01-01 00:00 in Asia/Shanghai: a whole year of that zone's days."""
ORGANISATIONS: Final = (
    "province",
    "xining",
    "haidong",
    "haibei",
    "huangnan",
    "hainan",
    "golog",
    "yushu",
    "haixi",
)
LINES: Final = ("12345", "097112345", "097212345", "097412345", "097912345")
TARGETS: Final = ("12315", "12333", "12328", "12348", "12366", "110")
SEATS: Final = 64
_MICRO: Final = 1_000_000
_SHARE_ANSWERED: Final = 0.962
_SHARE_HANDED_OVER: Final = 0.06
_SHARE_ASKED: Final = 0.3
_SHARE_TIBETAN: Final = 0.1
_HOURS: Final = np.array(
    [1, 1, 1, 1, 1, 1, 2, 4, 9, 11, 10, 8, 5, 6, 10, 10, 9, 8, 6, 5, 4, 3, 2, 1], dtype=float
)
"""How a day's calls spread over its hours."""

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One run of one command."""

    report: str
    seconds: float
    cpu_seconds: float
    mebibytes: float
    """Most resident memory."""


def reports() -> dict[str, tuple[str, ...]]:
    """Every KPI report, with its arguments."""
    from callrouter.store.kpi import DIMENSIONS

    found: dict[str, tuple[str, ...]] = {
        f"kpi by {by}": ("kpi", "--by", by, "-f", "csv") for by in DIMENSIONS
    }
    found["kpi page"] = ("kpi", "-f", "html")
    found["transfers"] = ("transfers", "-f", "csv")
    found["seats"] = ("seats", "-f", "csv")
    return found


def fill(folder: Path, calls: int = CALLS, seed: int = 12345) -> Path:
    """A database with a year of `calls` in `folder`; returns its file."""
    file = folder / DATABASE_NAME
    directory = folder / "site-versions" / "bench" / "site"
    directory.mkdir(parents=True)
    # As a controller leaves it: reports by prefecture need to know who belongs to whom.
    shutil.copy(share_folder("ivr_flows") / "site" / "directory.yaml", directory)
    asyncio.run(_schema(file))
    dice = np.random.default_rng(seed)
    with sqlite3.connect(file) as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-200000"):
            connection.execute(f"PRAGMA {pragma}")
        first = 0
        for day, count in enumerate(_by_day(dice, calls)):
            for table, rows in _day(dice, day, int(count), first).items():
                marks = ", ".join("?" * len(schema.metadata.tables[table].columns))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
            first += int(count)
    connection.close()
    return file


async def _schema(file: Path) -> None:
    database = Database(file)
    await migrate.upgrade(database)
    await database.close()


def _by_day(dice: np.random.Generator, calls: int) -> Sequence[int]:
    weights = 1 + 0.25 * dice.standard_normal(DAYS).clip(-2, 2)
    counts: Sequence[int] = dice.multinomial(calls, weights / weights.sum()).tolist()
    return counts


def _day(dice: np.random.Generator, day: int, count: int, first: int) -> dict[str, Rows]:
    """A day's rows, by table; columns in the schema's order."""
    hours = dice.choice(24, count, p=_HOURS / _HOURS.sum())
    at = np.sort((BEGIN + day * 86_400 + hours * 3600) * _MICRO + dice.integers(0, 3600 * _MICRO, count))
    waits = (dice.exponential(6.0, count) * _MICRO).astype(np.int64)
    talks = (dice.lognormal(5.0, 0.6, count) * _MICRO).astype(np.int64)
    found: dict[str, Rows] = {
        name: [] for name in ("calls", "segments", "transfers", "seat_intervals", "surveys", "callbacks")
    }
    for number in range(count):
        one = _Drawn(
            f"y{first + number:08d}",
            int(at[number]),
            int(waits[number]),
            int(talks[number]),
            dice.random(6).tolist(),
        )
        one.into(found)
    return found


@dataclass(frozen=True, slots=True)
class _Drawn:
    call: str
    at: int
    wait: int
    talk: int
    luck: list[float]

    def into(self, found: dict[str, Rows]) -> None:
        answered = self.luck[0] < _SHARE_ANSWERED
        seat = f"a{1000 + int(self.luck[1] * SEATS)}" if answered else None
        enqueued = self.at + 8 * _MICRO
        picked = enqueued + self.wait
        ended = picked + self.talk if answered else picked
        organisation = ORGANISATIONS[int(self.luck[2] ** 2 * len(ORGANISATIONS))]
        tibetan = self.luck[4] < _SHARE_TIBETAN
        outcome = "answered" if answered else "abandoned_queue"
        found["calls"].append(
            (
                *(
                    self.call,
                    "main",
                    self.call,
                    LINES[int(self.luck[3] * len(LINES))],
                    "138****0000",
                    "carrier",
                ),
                *(organisation, "province", "v1", "bo" if tibetan else "zh", organisation),
                *(seat, seat, self.at, self.at, enqueued, enqueued, enqueued if answered else None),
                *(picked if answered else None, ended, "caller", 16, outcome, "bo-kham" if tibetan else ""),
            )
        )
        stretches = [
            ("caller", "caller", "", "flow", self.at, enqueued),
            ("caller", "caller", "", "queue", enqueued, picked),
        ]
        if answered:
            wrap = ended + 30 * _MICRO
            stretches += [
                ("caller", "caller", "", "talk", picked, ended),
                ("1", "seat", seat or "", "ring", enqueued, picked),
                ("1", "seat", seat or "", "talk", picked, ended),
                ("1", "seat", seat or "", "wrap_up", ended, wrap),
            ]
            found["seat_intervals"] += [
                (seat, picked, ended, seat, "talking", "", self.call),
                (seat, ended, wrap, seat, "wrap_up", "", self.call),
                (seat, wrap, wrap + 40 * _MICRO, seat, "ready", "", None),
            ]
            self._afterwards(found, seat, picked, ended)
        elif self.luck[5] < 0.5:
            found["callbacks"].append(
                (f"{self.call}b", self.call, organisation, "", self.at, self.at + 600 * _MICRO, "reached", 1)
            )
        found["segments"] += [(self.call, place, *stretch, "") for place, stretch in enumerate(stretches)]

    def _afterwards(self, found: dict[str, Rows], seat: str | None, picked: int, ended: int) -> None:
        if self.luck[5] < _SHARE_HANDED_OVER:
            target = TARGETS[int(self.luck[5] / _SHARE_HANDED_OVER * len(TARGETS))]
            middle = (picked + ended) // 2
            reached = middle if self.luck[4] < 0.9 else None
            outcome = "completed" if reached else "returned"
            found["transfers"].append(
                (self.call, 1, "consult", seat, target, picked, reached, ended, outcome, "")
            )
        if self.luck[4] < _SHARE_ASKED:
            grade = 5 - int(self.luck[3] * 3) if self.luck[5] < 0.5 else None
            found["surveys"].append((f"{self.call}s", self.call, seat, seat, ended, grade, "keys"))


def run_reports(folder: Path) -> Iterator[Weighed]:
    """All reports over the whole year. The first run packs the days, which is the night's work."""
    yield _weighed(folder, PACKING, ("kpi", "-f", "csv"))
    for name, arguments in reports().items():
        yield _weighed(folder, name, arguments)


_RUN: Final = """
import atexit, sys
def weigh(file=sys.argv.pop(1)):
    with open("/proc/self/status") as status, open(file, "w") as out:
        out.write(status.read())
atexit.register(weigh)
from callrouter.cli.main import run
run()
"""
"""The kernel's own figure of a child's memory (wait4) begins with its parent's: so the child asks itself."""


def _weighed(folder: Path, name: str, arguments: Sequence[str]) -> Weighed:
    span = ("--since", "2024-01-01", "--until", "2024-12-31", "--state-dir", str(folder))
    with tempfile.TemporaryFile() as said, tempfile.NamedTemporaryFile() as status:
        program = [sys.executable, "-c", _RUN, status.name, "report", *arguments, *span]
        began = time.perf_counter()
        child = os.posix_spawn(
            program[0], program, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, said.fileno(), 1)]
        )
        _, ended, used = os.wait4(child, 0)
        took = time.perf_counter() - began
        if ended:
            raise RuntimeError(f"report {name} ended with {os.waitstatus_to_exitcode(ended)}")
        most = next(line for line in status.read().decode().splitlines() if line.startswith("VmHWM:"))
    return Weighed(
        report=name,
        seconds=took,
        cpu_seconds=used.ru_utime + used.ru_stime,
        mebibytes=int(most.split()[1]) / 1024,
    )
