"""The report of a run: one JSON document, from which the terminal's and the browser's pages are made."""

import json
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from simulators.sip_load.findings import findings, void_reasons
from simulators.sip_load.metrics import figures
from simulators.sip_load.result import RunResult

FORMAT: Final = "callrouter-load/1"

COMPARED: Final = {
    "achieved rate": ("volume", "achieved_rate"),
    "SER": ("sessions", "SER"),
    "SEER": ("sessions", "SEER"),
    "PDD p95": ("sessions", "PDD", "p95"),
    "PDD p99": ("sessions", "PDD", "p99"),
    "setup p95": ("sessions", "setup", "p95"),
    "setup p99": ("sessions", "setup", "p99"),
    "SDD p99": ("sessions", "SDD", "p99"),
    "met a person in time": ("people", "in_time"),
    "wait p95": ("people", "wait", "p95"),
    "MOS": ("probes", "mos", "mean"),
    "Asterisk CPU per call, ms": ("processes", "asterisk", "cpu_per_call_ms"),
    "controller CPU per call, ms": ("processes", "controller", "cpu_per_call_ms"),
    "Asterisk memory, MB": ("processes", "asterisk", "peak_memory_mb"),
    "controller memory, MB": ("processes", "controller", "peak_memory_mb"),
}


def document(result: RunResult, earlier: dict[str, Any] | None = None) -> dict[str, Any]:
    """The report. `verdict`: good, bad, void (the generator was too slow), broken (it did not end well)."""
    ended = result.ended or time.time()
    result = replace(result, ended=ended)
    numbers = figures(result)
    broken = [*result.broken, *(["interrupted"] if result.interrupted else [])]
    # What broke a run off explains what is missing in it better than the generator's own figures would.
    void = [] if broken else void_reasons(numbers)
    found = findings(numbers, result.scenario)
    verdict = "broken" if broken else "void" if void else "bad" if found else "good"
    report: dict[str, Any] = {
        "format": FORMAT,
        "name": result.scenario.name,
        "seed": result.scenario.seed,
        "target": result.sip,
        "began": result.began,
        "ended": ended,
        "machine": {
            "cpus": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "verdict": verdict,
        "broken": broken,
        "void": void,
        "findings": [{"code": one.code, "text": one.text} for one in found],
        "figures": numbers,
        "scenario": scenario_without_secrets(result),
    }
    if earlier is not None:
        report["comparison"] = list(compare(earlier, report))
    return report


def scenario_without_secrets(result: RunResult) -> dict[str, Any]:
    plain: dict[str, Any] = result.scenario.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    for group in plain.get("seats", []):
        accounts = group["accounts"]
        for account in accounts if isinstance(accounts, list) else [accounts]:
            account["password"] = "…"
    return plain


def compare(earlier: dict[str, Any], later: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each compared figure in both runs; `ratio` is later ÷ earlier, None when one is missing."""
    for name, path in COMPARED.items():
        old, new = look_up(earlier["figures"], path), look_up(later["figures"], path)
        if old is None and new is None:
            continue
        ratio = new / old if old and new is not None else None
        yield {"figure": name, "earlier": old, "later": new, "ratio": ratio}


def look_up(figures: dict[str, Any], path: tuple[str, ...]) -> float | None:
    value: Any = figures
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) else None


class NoReport(ValueError):
    """A file that is no report of a load run; the text names it."""


def read_report(file: Path) -> dict[str, Any]:
    """An earlier report. Raises NoReport."""
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoReport(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise NoReport(
            f"{file}: no JSON, hence no earlier report: give the NAME-TIME.json of a run"
        ) from error
    if (
        not isinstance(report, dict)
        or report.get("format") != FORMAT
        or not isinstance(report.get("figures"), dict)
    ):
        raise NoReport(f"{file}: not a report of this tool ({FORMAT}): give the NAME-TIME.json of a run")
    return report


def write_report(report: dict[str, Any], file: Path) -> None:
    """Atomically: whoever reads it meanwhile sees the old one or the new one."""
    unfinished = file.with_name(file.name + ".part")
    unfinished.write_text(json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False), encoding="utf-8")
    unfinished.replace(file)
