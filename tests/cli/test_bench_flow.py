import json

import pytest

from callrouter.flow.loader import read_flows
from callrouter.toolchain.share import share_folder
from simulators import flow_mutations
from tests.cli.stage import command, run

APP = command("bench")

pytestmark = pytest.mark.slow


def test_all_four_figures() -> None:
    few = ("--calls", "10", "--reloads", "1", "--mutations", "5")
    result = run(APP, "bench", "flow", *few, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["steps_per_second"] > 1_000
    assert found["check_seconds"] > 0
    assert (found["reload"]["failed"], len(found["reload"]["worst"])) == ([], 1)
    assert found["mutations"]["refused"] + found["mutations"]["accepted"] == 5


def test_a_missed_figure_is_an_error_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callrouter.cli.bench_flow.STEPS", 10**12)
    few = ("--calls", "5", "--reloads", "1", "--mutations", "0")
    result = run(APP, "bench", "flow", *few, "--check")
    assert (result.exit_code, "MISSED" in result.output) == (1, True)


def test_harm_that_check_lets_pass_would_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_mutations, "harmful", lambda reading: False)
    counts, wrong = flow_mutations.judge(read_flows(share_folder("ivr_flows")), range(60))
    assert counts["accepted"] > 22
    assert wrong
