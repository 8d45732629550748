"""The report's pages: complete, self-contained, safe against what is in a scenario."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from simulators.sip_load import plots
from simulators.sip_load.page import page, show
from simulators.sip_load.report import NoReport, read_report, write_report
from simulators.sip_load.result import Live
from simulators.sip_load.screen import LiveScreen, print_report
from tests.simulators.sip_load.test_crowd import SEATS, Town, scenario


@pytest.fixture
def report() -> dict[str, Any]:
    town = Town(scenario(name="evening", seats=SEATS))
    for place in (1, 2):
        town.dial(place, place)
        town.answer(place, place + 0.1)
        town.ring(place, "a1", place + 0.3, f"offer-{place}")
        town.seat(f"offer-{place}", place + 0.6, True, "INVITE", 200)
        town.bye(place, place + 1.4)
    return town.report()


def test_the_page_stands_alone(report: dict[str, Any]) -> None:
    text = page(report)
    assert text.count("<svg") >= 4
    assert not re.search(r"(src|href)\s*=|@import|url\(|<script", text)
    for word in ("evening", "SER", "PDD", "Asterisk" if "Asterisk" in text else "asterisk", "wait"):
        assert word in text


def test_nothing_of_a_scenario_is_taken_for_markup(report: dict[str, Any]) -> None:
    report["name"] = "<script>alert(1)</script>"
    report["findings"] = [{"code": "x", "text": "<img src=x onerror=alert(1)>"}]
    text = page(report)
    assert "<script" not in text
    assert "<img" not in text


def test_no_password_gets_into_a_report(report: dict[str, Any]) -> None:
    account = report["scenario"]["seats"][0]["accounts"][0]
    assert account == {"user": "a1", "password": "…"}


def test_the_terminal_shows_verdict_ratios_and_delays(report: dict[str, Any]) -> None:
    console = Console(width=140, record=True, quiet=True)
    with console.capture():
        print_report(
            {**report, "comparison": [{"figure": "SER", "earlier": 0.5, "later": 1, "ratio": 2}]}, console
        )
    console = Console(width=140)
    with console.capture() as captured:
        print_report(report, console)
    text = captured.get()
    for word in ("evening", "SER 100.0 %", "PDD", "wait", "asterisk"):
        assert word in text


def test_what_others_have_answered_is_no_markup(report: dict[str, Any]) -> None:
    said = "the desk said [/b] [red]no"
    report = {**report, "broken": [said], "findings": [{"code": "desk_refuses", "text": said}]}
    console = Console(width=140)
    with console.capture() as captured:
        print_report(report, console)
    assert captured.get().count(said) == 2


@pytest.mark.parametrize(
    ("low", "high", "steps", "expected"),
    [
        (0, 23.75, plots.HOURS, [0, 3, 6, 9, 12, 15, 18, 21]),
        (0, 62, plots.STEPS, [0, 10, 20, 30, 40, 50, 60]),
        (0, 0.3, plots.STEPS, [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]),
        (7, 7, plots.STEPS, [7]),
    ],
)
def test_axes_have_round_figures(low: float, high: float, steps: list[float], expected: list[float]) -> None:
    assert plots.ticks(low, high, steps) == expected


def test_live_figures_are_drawn_in_every_phase() -> None:
    screen = LiveScreen()
    console = Console(width=120)
    for elapsed, phase in ((-1.0, "starting"), (3.0, "calling"), (11.0, "draining")):
        live = Live(elapsed, 10.0, 50, 20, 5, 18, 17, 1, 4, {"asterisk": 0.5})
        with console.capture() as captured:
            console.print(screen.draw(live))
        assert phase in captured.get()
        assert "20 of 50" in captured.get()


def test_a_report_is_read_back_and_nothing_else_is(tmp_path: Path, report: dict[str, Any]) -> None:
    file = tmp_path / "r.json"
    write_report(report, file)
    assert read_report(file) == json.loads(json.dumps(report))
    for text in ("", "[]", '{"format": "other"}'):
        file.write_text(text)
        with pytest.raises(NoReport, match=r"r\.json"):
            read_report(file)
    with pytest.raises(NoReport):
        read_report(tmp_path / "absent.json")


def test_plots_are_thinned_and_empty_ones_left_out() -> None:
    points = [(float(x), float(x % 7)) for x in range(100_000)]
    thinned = plots.thin(points)
    assert len(thinned) <= plots.MOST_POINTS + 1
    assert thinned[0] == points[0]
    assert thinned[-1] == points[-1]
    assert plots.lines("t", "u", {"a": []}) == ""
    assert plots.dots("t", "u", {}) == ""
    assert "polyline" in plots.lines("t", "u", {"a": [(0.0, 0.0)]})
    assert plots.distribution("t", "s", {"a": [3.0, 1.0]}).count("polyline") == 1


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.003, 0.004), (0.3, 0.4), (3, 4), (17, 20), (230, 250), (9500, 10000)]
)
def test_axes_end_at_round_numbers(value: float, top: float) -> None:
    assert plots.nice(value) == pytest.approx(top)


def test_values_are_shown_short() -> None:
    assert [show(one) for one in (None, True, 0.123456, 3, {"a": 0.5}, ["x"], "<")] == [
        "–",
        "yes",
        "0.1235",
        "3",
        "a: 0.5",
        "x",
        "&lt;",
    ]
