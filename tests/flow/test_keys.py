"""Keys at any place of the shipped flows: `0` is a person, storms of keys lose nobody and take no time."""

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest

from callrouter.flow.actions import (
    BookCallback,
    EndCall,
    Lookup,
    PlayMedia,
    RecordVoice,
    ToQueue,
    ToTransfer,
)
from callrouter.flow.frame import MAX_TYPE_AHEAD
from callrouter.flow.loader import load_flows
from callrouter.flow.node import Listening
from callrouter.flow.nodes.collect import Collect
from callrouter.flow.nodes.subflow import Subflow
from callrouter.flow.program import FlowSet
from tests.flow.walker import Walker

SHIPPED = Path(__file__).parents[2] / "ivr_flows"
KEYS = "0123456789*#ABCD"
STORM = 200


@pytest.fixture(scope="module")
def shipped() -> FlowSet:
    return load_flows(SHIPPED)


def roots(flows: FlowSet) -> list[str]:
    return [name for name, flow in flows.flows.items() if not flow.subflow]


def onward(caller: Walker, rng: random.Random) -> None:
    """One thing that may happen where the caller is."""
    last = caller.last
    if isinstance(last, ToQueue | ToTransfer):
        caller.comes_back(
            rng.choice(["timeout", "busy", "full"]), "queue" if isinstance(last, ToQueue) else "transfer"
        )
    elif isinstance(last, Lookup | BookCallback) and rng.random() < 0.7:
        caller.found({"state": rng.choice(["done", "accepted"]), "due": ""})
    elif isinstance(last, RecordVoice) and rng.random() < 0.5:
        caller.recorded(rng.choice([0.2, 9.0]))
    elif caller.playing is not None and rng.random() < 0.5:
        caller.listen()
    elif rng.random() < 0.6:
        typed = rng.choice(["2026110001#", "1", "2"]) if "order" in caller.at else rng.choice(KEYS[1:10])
        caller.keys(typed)
    elif caller.session.deadline is not None:
        caller.wait()


def beginning_at(flows: FlowSet, name: str, node: str) -> Walker:
    """A caller at a node's first word; in a subflow: of some flow that calls it."""
    begins = {name: replace(flows.flows[name], start=node)}
    root = name
    if flows.flows[name].subflow:
        root, calls = next(
            (flow.id, placed.name)
            for flow in flows.flows.values()
            for placed in flow.nodes.values()
            if isinstance(placed.body, Subflow) and placed.body.flow == name and not flow.subflow
        )
        begins[root] = replace(flows.flows[root], start=calls)
    return Walker(replace(flows, flows={**flows.flows, **begins}), root)


def test_zero_is_a_person_from_everywhere(shipped: FlowSet) -> None:
    """During the prompt and after it, in every node that listens: a queue has the caller at once."""
    places = 0
    for name, flow in shipped.flows.items():
        for placed in flow.nodes.values():
            if not isinstance(placed.body, Listening):
                continue
            for heard in (False, True):
                caller = beginning_at(shipped, name, placed.name)
                if heard and caller.playing is not None:
                    caller.listen()
                session = caller.session
                if session.finished or session.node.rpartition("/")[2] != placed.name:
                    continue
                caller.keys("0")
                if isinstance(placed.body, Collect):
                    caller.wait(placed.body.between)  # more digits might have followed
                assert isinstance(caller.last, ToQueue), (name, placed.name)
                places += 1
    assert places >= 50


@pytest.mark.parametrize("keys", ["*" * STORM, "1" * STORM, "0" * STORM, "#" * STORM, "random"])
def test_a_storm_anywhere_leaves_the_caller_somewhere(shipped: FlowSet, keys: str) -> None:
    rng = random.Random(keys)
    worst = 0.0
    for flow in roots(shipped):
        for steps in range(25):
            caller = Walker(shipped, flow)
            for _ in range(steps):
                if isinstance(caller.last, EndCall):
                    break
                onward(caller, rng)
            storm = keys if keys != "random" else "".join(rng.choice(KEYS) for _ in range(STORM))
            began = time.thread_time()
            caller.keys(storm)
            worst = max(worst, time.thread_time() - began)
            session = caller.session
            assert len(session._frame.buffer) <= MAX_TYPE_AHEAD
            waits = session.deadline is not None or isinstance(caller.last, PlayMedia)
            assert session.finished or waits or isinstance(caller.last, ToQueue | ToTransfer), session.node
            until_handed_over(caller)
    assert worst < 0.25, f"{STORM} keys took {worst:.3f} s"


def until_handed_over(caller: Walker) -> None:
    """After the storm the caller is silent: time alone brings them to somebody, or to a chosen end."""
    for _ in range(100):
        if isinstance(caller.last, ToQueue | ToTransfer | EndCall):
            return
        if caller.session._frame.waiting is not None and isinstance(caller.last, Lookup | BookCallback):
            caller.not_found("timeout")
        elif caller.playing is not None:
            caller.listen()
        else:
            caller.wait()
    raise AssertionError(f"still at {caller.session.node}")


def test_every_shipped_file_tells_editors_its_schema() -> None:
    files = [
        *SHIPPED.glob("*.yaml"),
        *(SHIPPED / "tests").glob("*.yaml"),
        *SHIPPED.glob("site/*.yaml"),
    ]
    assert len(files) >= 13
    for file in files:
        first, _, _ = file.read_text(encoding="utf-8").partition("\n")
        comment, _, schema = first.partition("$schema=")
        assert comment == "# yaml-language-server: ", file
        assert (file.parent / schema).resolve().is_file(), file
