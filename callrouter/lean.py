"""Keeping a long-lived process small."""

import ctypes
import gc
import importlib
import json
import subprocess
import sys
from datetime import date


def import_structlog_alone() -> None:
    """Import structlog without rich, which it loads for a coloured console that a service never shows: 9 MB.

    To be called before anything else imports structlog; rich itself can still be imported afterwards.
    """
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]


def learn_statutory_days(years: range) -> None:
    """Have a child process ask the holidays package; without an answer this process asks when it must."""
    from callrouter.flow.calendar import tell_statutory

    program = (
        "import json, sys\n"
        "from callrouter.flow.calendar import package_knows\n"
        "known = {year: package_knows(int(year)) for year in sys.argv[1:]}\n"
        "print(json.dumps({year: [sorted(map(str, days)) for days in both] for year, both in known.items()}))"
    )
    try:
        child = subprocess.run(
            [sys.executable, "-c", program, *map(str, years)], capture_output=True, timeout=20, check=True
        )
        found = json.loads(child.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return
    tell_statutory(
        {
            int(year): (frozenset(map(date.fromisoformat, rest)), frozenset(map(date.fromisoformat, work)))
            for year, (rest, work) in found.items()
        }
    )


def give_back() -> None:
    """After the start: drop what reading the configuration has left, return free pages to the system.

    What is left will stay: the collector need not look through it again and again. It did so for a tenth of a
    second at a time, and calls waited.
    """
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
