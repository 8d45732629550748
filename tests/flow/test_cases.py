"""Test cases for flows: what passes, what is told when one fails, and the shipped ones."""

import time
from pathlib import Path

import pytest

from callrouter.config.document import ConfigError, read_document
from callrouter.flow.cases import Coverage, Result, run_cases
from callrouter.flow.loader import flow_set, read_flows
from callrouter.flow.program import FlowSet
from callrouter.flow.prompts import Catalogue

SHIPPED = Path(__file__).parents[2] / "ivr_flows"


@pytest.fixture(scope="module")
def shipped() -> tuple[FlowSet, Catalogue]:
    reading = read_flows(SHIPPED)
    assert reading.catalogue is not None
    return flow_set(reading, reading.catalogue), reading.catalogue


def run(shipped: tuple[FlowSet, Catalogue], text: str) -> list[Result]:
    return list(run_cases(read_document(text, "cases.yaml"), *shipped))


def problems(shipped: tuple[FlowSet, Catalogue], case: str) -> str:
    text = f"flow: one_layer\ncases:\n  - {{name: case, {case}}}"
    return "; ".join(run(shipped, text)[0].problems)


def test_all_shipped_cases_pass_and_go_through_every_node(shipped: tuple[FlowSet, Catalogue]) -> None:
    coverage = Coverage(shipped[0])
    began = time.process_time()
    count = 0
    for path in sorted((SHIPPED / "tests").glob("*.yaml")):
        for result in run_cases(read_document(path), *shipped):
            assert not result.problems, (result.name, result.problems)
            coverage.add(result.trace)
            count += 1
    assert count > 100
    assert (time.process_time() - began) / count < 0.02
    missed = {flow: coverage.of(flow)[1] for flow in shipped[0].flows}
    assert not any(missed.values()), missed


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("expect: {ends: queue night}", "ends: expected 'queue night', found 'queue province'"),
        ("expect: {skills: english}", "skills: expected 'english', found 'mandarin'"),
        ("expect: {priority: 9}", "priority: expected 9, found 5"),
        ("expect: {language: en}", "language: expected 'en', found 'zh'"),
        ("expect: {hears: [no_input, greeting_province]}", "'greeting_province' does not come (in"),
        ("expect: {hears_not: [no_input]}", "hears_not: 'no_input' was heard"),
        ("expect: {passes: [rate]}", "passes: 'rate' does not come"),
        ("expect: {variables: {line: x}}", "variables: line is None, expected 'x'"),
        ("expect: {within: 3}", "within: it took"),
        ("caller: [queue: full, conversation: over, keys: '5', listen, keys: '5'], expect: {ends: hangup}",
         "step 5: the call is over already"),
        ("caller: [recorded: 3, keys: '8', queue: timeout], expect: {ends: queue province}", ""),
        ("expect: {ends: queue province}", ""),
    ],
)  # fmt: skip
def test_problems_are_told(shipped: tuple[FlowSet, Catalogue], case: str, told: str) -> None:
    assert told in problems(shipped, case)
    if not told:
        assert problems(shipped, case) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("flow: one_layer\ncases: []", "cases"),
        ("flow: gone\ncases: [{name: x, expect: {}}]", "no flow 'gone'"),
        ("flow: tibetan\ncases: [{name: x, expect: {}}]", "no flow 'tibetan'"),
        ("flow: one_layer\ncases: [{name: x, flow: one_laier, expect: {}}]", "Did you mean 'one_layer'"),
        ("flow: one_layer\ncases: [{name: x, expct: {}}]", "Did you mean 'expect'"),
        ("flow: one_layer\ncases: [{name: x, expect: {}, caller: [sleep]}]", "cases.yaml:2"),
        (
            "flow: one_layer\ncases: [{name: x, expect: {}, caller: [{keys: '1', wait: 3}]}]",
            "a step is one thing",
        ),
        ("flow: one_layer\ncases: [{name: x, expect: {}, caller: [keys: 'q']}]", "keys"),
    ],
)
def test_bad_files(shipped: tuple[FlowSet, Catalogue], text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        run(shipped, text)


def test_waiting_takes_time(shipped: tuple[FlowSet, Catalogue]) -> None:
    text = "flow: one_layer\ncases: [{name: x, caller: [wait: 60], expect: {ends: queue province}}]"
    result = run(shipped, text)[0]
    assert not result.problems
    assert result.rehearsal.now - result.rehearsal.began == 60
