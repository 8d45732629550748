"""The report as one HTML file that needs nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from simulators.queue_sim.report import FIRST_SHOWN, show, show_difference
from simulators.sip_load import plots
from simulators.sip_load.page import STYLE

NEARLY_ALL: Final = 0.995

Points = list[tuple[float, float]]


def page(report: Mapping[str, Any]) -> str:
    """A comparison's whole document."""
    policies = [policy for policy in report["policies"] if policy["figures"]]
    return _document(
        f"Simulation: {report['name']}",
        [
            f"<p>{_about(report)}</p>",
            *(["<p><b>Nothing was finished.</b></p>"] if not policies else _results(policies)),
            *_staffing(report["staffing"]),
            "<h2>Formulas</h2><table>",
            *(_row(name.replace("_", " "), [escape(told)]) for name, told in report["formulas"].items()),
            "</table>",
        ],
    )


def staffing_page(report: Mapping[str, Any]) -> str:
    """Recommended seats alone."""
    return _document(f"Seats: {report['name']}", list(_staffing(report["staffing"])))


def _document(title: str, body: Sequence[str]) -> str:
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title>"
        f"<meta name='viewport' content='width=device-width'>"
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><h1>{escape(title)}</h1>{''.join(body)}</body></html>"
    )


def _about(report: Mapping[str, Any]) -> str:
    begun = f" from {report['starts']}" if report["starts"] else ""
    told = (
        f"{report['replications']} replications of {report['days']} days{begun}, seed {report['seed']}, "
        f"{report['calls_simulated']:,} calls in {report['seconds']:.1f} s. "
        "Intervals hold with 95 % confidence; all policies met the same callers, "
        "so differences are more certain than the figures themselves."
    )
    if report["stopped"]:
        told += f" <b>Stopped by the user before all {report['replications_wanted']} replications.</b>"
    return told


def _results(policies: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "<h2>All callers</h2><table>"
    yield _row("", [escape(policy["name"]) for policy in policies], tag="th")
    for name in ("calls", *FIRST_SHOWN):
        if any(name in policy["figures"]["all"] for policy in policies):
            yield _row(name.replace("_", " "), [_cell(policy, name) for policy in policies])
    yield "</table><h2>Over the day</h2><div class='plots'>"
    yield from _plots(policies, "all")
    yield "</div><h2>Waits</h2><div class='plots'>"
    longest = max(_seconds_for(policy["wait_distribution"]) for policy in policies)
    waits = {
        policy["name"]: [
            (float(second), share) for second, share in enumerate(policy["wait_distribution"][: longest + 1])
        ]
        for policy in policies
    }
    yield plots.lines("Answered callers who waited at most so long", "share", waits, x_label="seconds")
    days = {policy["name"]: _pairs(_by_day(policy["by_day"])) for policy in policies}
    if any(len(points) > 1 for points in days.values()):
        yield plots.lines("Answer rate by day", "share", days, x_label="day")
    yield "</div>"
    for scope in policies[0]["curves"]:
        if scope != "all":
            yield f"<details><summary>{escape(scope)}</summary><table>"
            yield _row("", [escape(policy["name"]) for policy in policies], tag="th")
            for name in ("calls", *FIRST_SHOWN):
                means = [policy["figures"].get(scope, {}).get(name, {}).get("mean") for policy in policies]
                if any(mean is not None for mean in means):
                    yield _row(name.replace("_", " "), [show(name, mean) for mean in means])
            yield "</table><div class='plots'>"
            yield from _plots(policies, scope)
            yield "</div></details>"


def _by_day(days: Mapping[str, Sequence[float]]) -> list[float | None]:
    return [
        answered / offered if offered else None
        for answered, offered in zip(days["answered"], days["offered"], strict=True)
    ]


def _cell(policy: Mapping[str, Any], name: str) -> str:
    found = policy["figures"]["all"].get(name)
    if found is None:
        return "–"
    told = show(name, found["mean"])
    if found["high"] is not None:
        told += f" ± {show(name, found['high'] - found['mean'])}"
    against = policy["against_first"].get(name)
    if against is not None:
        difference = show_difference(name, against["mean"])
        told += f"<br>{'<b>' + difference + '</b>' if against['telling'] else difference}"
    return told


def _plots(policies: Sequence[Mapping[str, Any]], scope: str) -> Iterator[str]:
    for name, title, unit in (
        ("calls_per_hour", "Calls per hour", "calls"),
        ("seats_staffed", "Seats on duty", "seats"),
        ("service_level_offered", "Answered within the target", "share of offered"),
        ("asa", "Average wait of the answered", "s"),
        ("answer_rate", "Answer rate", "share of offered"),
        ("occupancy", "Occupancy", "share"),
    ):
        series = {
            policy["name"]: _pairs(policy["curves"].get(scope, {}).get(name, []), 0.25) for policy in policies
        }
        yield plots.lines(title, unit, series, x_label="hour of the day")


def _seconds_for(distribution: Sequence[float]) -> int:
    """Where the curve is flat: so many seconds all but one in two hundred were answered in; 10 at least."""
    reached = (second for second, share in enumerate(distribution) if share >= NEARLY_ALL)
    return max(10, next(reached, len(distribution)))


def _pairs(values: Sequence[float | None], step: float = 1.0) -> Points:
    return [(index * step, value) for index, value in enumerate(values) if value is not None]


def _staffing(staffing: Mapping[str, Any]) -> Iterator[str]:
    promise = staffing["promise"]
    if staffing["queues"]:
        yield f"<h2>Seats for {promise['share']:.0%} within {promise['seconds']:g} s</h2><div class='plots'>"
    for queue, found in staffing["queues"].items():
        series = {
            label: _pairs([row[key] for row in found["quarter_hours"]], 0.25)
            for key, label in (("erlang_c", "Erlang C"), ("erlang_a", "Erlang A"), ("simulated", "simulated"))
        }
        yield plots.lines(f"{queue}: seats", "seats", series, x_label="hour of the day")
    if staffing["queues"]:
        yield "</div>"
    for queue, found in staffing["queues"].items():
        yield f"<details><summary>{escape(queue)}: every quarter-hour</summary><table>"
        yield _row("from", [escape(label) for _, label in _COLUMNS], tag="th")
        for row in found["quarter_hours"]:
            yield _row(row["time"], [_number(row[key]) for key, _ in _COLUMNS])
        yield "</table></details>"


_COLUMNS: Final = (
    *(("calls_per_hour", "calls/h"), ("aht", "AHT s"), ("load", "erlang"), ("erlang_c", "Erlang C")),
    *(("erlang_a", "Erlang A"), ("simulated", "simulated"), ("paid", "to pay")),
)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _row(name: str, cells: Sequence[str], tag: str = "td") -> str:
    return f"<tr><td>{escape(name)}</td>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"
