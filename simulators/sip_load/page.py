"""The report as one HTML file that needs nothing else."""

import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, Final

from simulators.sip_load import plots

STYLE: Final = Path(__file__).with_suffix(".css")


def page(report: dict[str, Any]) -> str:
    """The whole document."""
    figures = report["figures"]
    began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(report["began"]))
    body = [
        f"<h1>{escape(report['name'])} <span class='verdict {escape(report['verdict'])}'>"
        f"{escape(report['verdict'])}</span></h1>",
        f"<p>{escape(report['target'])}, {began}, {figures['volume']['seconds']:.0f} s, "
        f"seed {report['seed']}</p>",
        *_listed("Did not end well", report["broken"]),
        *_listed("Void: the generator was the bottleneck", report["void"]),
        *_listed("Findings", [f"{one['code']}: {one['text']}" for one in report["findings"]]),
        *_capacity(report.get("capacity")),
        "<h2>Over time</h2>",
        f"<div class='plots'>{''.join(_plots(figures))}</div>",
        "<h2>Volume</h2>",
        _pairs(_flat(figures["volume"])),
        "<h2>Sessions (RFC 6076, E.425)</h2>",
        _pairs({name: one for name, one in _flat(figures["sessions"]).items() if not isinstance(one, dict)}),
        _delays(figures),
        "<h2>By number dialled</h2>",
        _by_number(figures["by_number"]),
        "<h2>SIP, seen from the caller</h2>",
        _pairs(_signalling(figures)),
        "<h2>People and seats</h2>",
        _pairs({**_flat(figures["people"]), **_flat(figures["seats"])}),
        _populations(figures),
        *_partners(figures["partners"]),
        *_transfers(figures["transfers"]),
        *_theory(figures["theory"]),
        "<h2>Listening phones</h2>",
        _pairs(_flat(figures["probes"])),
        "<h2>Processes</h2>",
        _table(figures["processes"]),
        "<h2>This tool itself</h2>",
        _pairs(_flat(figures["generator"])),
        *_comparison(report.get("comparison", [])),
    ]
    title = escape(f"Load: {report['name']}")
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        f"<meta name='viewport' content='width=device-width'>"
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body>{''.join(body)}</body></html>"
    )


def _theory(expected: dict[str, Any] | None) -> Iterator[str]:
    if expected is not None:
        yield f"<h2>Waits against Erlang {expected['model']} (long run)</h2>" + _pairs(expected)


def _listed(title: str, items: list[str]) -> Iterator[str]:
    if items:
        yield f"<h2>{escape(title)}</h2><ul>" + "".join(f"<li>{escape(one)}</li>" for one in items) + "</ul>"


def _flat(figures: dict[str, Any]) -> dict[str, Any]:
    """Plain values, and the mean of spreads."""
    flat: dict[str, Any] = {}
    for name, value in figures.items():
        if isinstance(value, dict) and "count" in value:
            continue
        flat[name] = value
    return flat


def _pairs(values: dict[str, Any]) -> str:
    cells = "".join(
        f"<div><dt>{escape(name.replace('_', ' '))}</dt><dd>{show(value)}</dd></div>"
        for name, value in values.items()
        if value not in (None, {}, [])
    )
    return f"<dl>{cells}</dl>"


def _delays(figures: dict[str, Any]) -> str:
    rows = {
        f"{name} ({note})": figures[part][key]
        for name, part, key, note in (
            ("PDD", "sessions", "PDD", "INVITE to first ring or answer"),
            ("SRD successful", "sessions", "SRD_successful", "RFC 6076"),
            ("SRD failed", "sessions", "SRD_failed", "RFC 6076"),
            ("setup", "sessions", "setup", "INVITE to answer"),
            ("SDD", "sessions", "SDD", "BYE to its 200"),
            ("SDD failed", "sessions", "SDD_failed", "BYE to its refusal"),
            ("SDT", "sessions", "SDT", "answer to BYE"),
            ("SDT failed", "sessions", "SDT_failed", "its BYE was not answered with 200"),
            ("RRD", "registrations", "RRD", "REGISTER to 200, challenge included"),
            ("wait", "people", "wait", "INVITE to a person"),
            ("ringing", "seats", "ringing", "a seat's phone"),
            ("first RTP", "probes", "first_rtp", "INVITE to the first packet"),
            ("lateness", "generator", "lateness", "of this tool's own calls"),
        )
        if figures[part][key].get("count")
    }
    return _table(rows, unit="s")


def _by_number(numbers: dict[str, Any]) -> str:
    rows = {
        number: {
            "attempts": one["attempts"],
            "SER": one["SER"],
            "SEER": one["SEER"],
            "PDD p95": one["PDD"].get("p95"),
            "setup p95": one["setup"].get("p95"),
            "causes": ", ".join(f"{code} × {count}" for code, count in one["causes"].items()),
        }
        for number, one in numbers.items()
    }
    return _table(rows)


def _signalling(figures: dict[str, Any]) -> dict[str, Any]:
    again = figures["retransmissions"]
    return {
        "retransmissions sent": again["sent"] or "none",
        "retransmissions received": again["received"] or "none",
        "messages": again["messages"],
        "channels left behind": figures["left_behind"],
        "recordings": _recordings(figures["recordings"]),
    }


def _recordings(made: dict[str, Any] | None) -> str | None:
    return None if made is None else f"{made['files']} of {made['conversations']} conversations"


def _populations(figures: dict[str, Any]) -> str:
    """Callers by population and by language."""
    rows = {
        f"{label} {name}": {
            "attempts": one["attempts"],
            "met a person": one["met_a_person"],
            "share met": one["share_met"],
            "wrong seat": one["wrong_seat"],
            "wait p50": one["wait"].get("p50"),
            "wait p95": one["wait"].get("p95"),
        }
        for label, part in (("callers", "by_population"), ("language", "by_language"))
        for name, one in figures[part].items()
    }
    return _table(rows)


def _transfers(lines: dict[str, Any]) -> Iterator[str]:
    if lines:
        yield "<h2>Hand-overs to lines</h2>" + _table(lines)


def _capacity(search: dict[str, Any] | None) -> Iterator[str]:
    """How the highest clean rate was searched."""
    if search is None:
        return
    rate = search["clean_rate"]
    found = "none was clean" if rate is None else f"{rate:.2f} calls/s"
    whose = " (the generator's limit)" if search["by_generator"] else ""
    yield f"<h2>Highest clean rate: {found}</h2><p>Beyond it{whose}: {escape(search['limit'])}</p>"
    yield _table(
        {
            str(number): {
                "× the callers": step["factor"],
                "calls/s": step["rate"],
                "verdict": step["verdict"],
                "findings": ", ".join(step["findings"]),
            }
            for number, step in enumerate(search["steps"], 1)
        }
    )


def _partners(partners: dict[str, Any]) -> Iterator[str]:
    if partners:
        rows = {
            line: {
                "offers": one["offers"],
                "answered": one["answered"],
                "refused": sum(one["refused"].values()),
                "hung up at once": one["hung_up"],
                "answer p50": one["answer"].get("p50"),
                "answer p95": one["answer"].get("p95"),
            }
            for line, one in partners.items()
        }
        yield "<h2>Partner lines</h2>" + _table(rows)


def _comparison(rows: list[dict[str, Any]]) -> Iterator[str]:
    if rows:
        yield "<h2>Against the earlier run</h2>" + _table(
            {row["figure"]: {name: row[name] for name in ("earlier", "later", "ratio")} for row in rows}
        )


def _table(rows: dict[str, dict[str, Any]], unit: str = "") -> str:
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
    body = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{show(row.get(column))}</td>" for column in names)
        + "</tr>"
        for name, row in rows.items()
    )
    return f"<table><tr><th>{unit}</th>{head}</tr>{body}</table>"


def show(value: Any) -> str:
    """A value as the page writes it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return escape(", ".join(f"{name}: {show(one)}" for name, one in value.items()))
    if isinstance(value, list):
        return escape(", ".join(str(one) for one in value[:12]) + (" …" if len(value) > 12 else ""))
    return escape(str(value))


def _plots(figures: dict[str, Any]) -> Iterator[str]:
    curves = figures["curves"]

    def timed(values: list[float]) -> list[tuple[float, float]]:
        return [(float(second), float(value)) for second, value in enumerate(values)]

    yield plots.lines(
        "Calls per second", "calls", {name: timed(curves[name]) for name in ("dialled", "met", "refused")}
    )
    yield plots.lines("Calls at once", "calls", {"live": timed(curves["live"])})
    yield plots.dots("Setup", "s", {"INVITE to answer": [(x, y) for x, y in curves["setup"]]})
    yield plots.distribution("Wait for a person", "s", {"share below": curves["wait"]})
    yield plots.lines("CPU", "cores", {name: timed(values) for name, values in curves["cpu"].items()})
    yield plots.lines("Memory", "MB", {name: timed(values) for name, values in curves["memory_mb"].items()})
