import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from callrouter.cli.bench import register
from simulators.bench_floor import Effort, FloorFigures, Spread, measure
from simulators.bench_plot import log_plot
from simulators.bench_population import Population, Size
from simulators.bench_wanted import average, verdicts

pytestmark = pytest.mark.slow


def test_population_is_reproducible_and_crowded() -> None:
    size = Size(seats=100, queues=4, groups=20, waiting=300)
    one, two = Population(size, 7), Population(size, 7)
    one.crowd()
    two.crowd()
    assert len(one.state.entries) == 300
    assert one.state.idle == 0
    assert [e.key for e in one.state.entries.values()] == [e.key for e in two.state.entries.values()]


def test_measuring_a_small_floor() -> None:
    figures = measure(Size.of(100), Effort(samples=2_000, cycles=1_000))
    assert 0 < figures.caller_for_seat.warm <= figures.caller_for_seat.p50
    assert figures.caller_for_seat.p50 <= figures.caller_for_seat.p99 <= figures.caller_for_seat.p999
    assert figures.scan_for_caller > figures.caller_for_seat.p50
    assert 200 < figures.bytes_per_waiting < 1000
    assert 1 < figures.cycle < 1000


def test_missed_figures_are_called_missed() -> None:
    good = Spread(p50=1.0, p99=2.0, p999=3.0, warm=1.0)
    bad = Spread(p50=6.0, p99=70.0, p999=80.0, warm=2.0)

    def figures(spread: Spread, cycle: float) -> FloorFigures:
        return FloorFigures(
            size=Size.of(1000),
            caller_for_seat=spread,
            seat_for_caller=spread,
            scan_for_caller=100.0,
            scan_for_seat=100.0,
            cycle=cycle,
            crowded_cycle=cycle,
            bytes_per_waiting=cycle * 20,
        )

    assert all(verdict.met for verdict in verdicts([figures(good, 20.0)]))
    assert not any(verdict.met for verdict in verdicts([figures(good, 20.0), figures(bad, 60.0)]))
    assert average([figures(good, 20.0), figures(bad, 40.0)]).cycle == 30.0


def test_plot_is_well_formed() -> None:
    text = log_plot(
        "a < b", "seats", "µs", {"x & y": [(100, 0.5), (10_000, 0.7)], "scan": [(100, 10), (10_000, 1000)]}
    )
    root = ElementTree.fromstring(text)
    lines = [node.attrib["points"] for node in root.iter("{http://www.w3.org/2000/svg}polyline")]
    assert len(lines) == 2
    assert all(len(line.split()) == 2 for line in lines)


def test_command_prints_figures_as_json(tmp_path: Path) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    picture = tmp_path / "floor.svg"
    result = CliRunner().invoke(
        app,
        [
            "bench",
            "floor",
            "--seats",
            "100",
            "--samples",
            "2000",
            "--cycles",
            "1000",
            "--json",
            "--plot",
            str(picture),
        ],
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["figures"][0]["size"]["seats"] == 100
    assert {"name", "measured", "wanted", "met"} <= set(found["wanted"][0])
    assert picture.read_text().startswith("<svg")
