"""The figures that flows are held to."""

import random
from pathlib import Path

import pytest

from callrouter.config.document import read_document
from callrouter.flow.compiling import compile_flow
from callrouter.flow.loader import flow_set, read_flows
from simulators.bench_flow import AGAINST_JSON, check_time, generated, interpreter_speed, peer_speed

SITE = Path(__file__).parents[2] / "ivr_flows"


def test_generated_flows_have_their_size() -> None:
    assert len(compile_flow(read_document(generated("f", 50, random.Random(1)))).nodes) == 50


@pytest.mark.alone
def test_200_flows_of_50_nodes_are_checked_in_two_seconds() -> None:
    assert min(check_time(SITE) for _ in range(3)) <= 2


@pytest.mark.alone
def test_200_000_node_steps_a_second_or_as_many_for_a_slower_machine() -> None:
    reading = read_flows(SITE)
    assert reading.catalogue is not None
    flows = flow_set(reading, reading.catalogue)
    speed = max(interpreter_speed(flows) for _ in range(7))
    peer = max(peer_speed() for _ in range(7))
    assert speed >= min(200_000, AGAINST_JSON * peer), f"{speed:,.0f} steps/s, {peer:,.0f} events/s"
