"""Seeded damage to the shipped flows, to see whether `check` lets anything harmful pass.

A mutation is a slip of the kind that people make: a branch that leads elsewhere, a
key left out, two nodes exchanged. What `check` accepts all the same is walked by
callers of every character (`simulators.flow_callers`).
"""

import copy
import json
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

from callrouter.config.document import ConfigError, read_document
from callrouter.flow.check import check
from callrouter.flow.compiling import compile_flow
from callrouter.flow.loader import flow_set
from callrouter.flow.reading import Reading
from simulators.flow_callers import fates

TARGETS = (
    "next", "silence", "wrong", "otherwise", "open", "closed", "holiday", "failed", "not_found", "refused",
    "full", "unstaffed", "timeout", "callback", "busy", "unknown", "empty", "poor",
)  # fmt: skip
Root = dict[str, Any]


def nodes_of(root: Root) -> list[str]:
    return list(root["nodes"])


def body_of(root: Root, node: str) -> dict[str, Any]:
    found = root["nodes"][node]
    return found[next(key for key in found if key != "note")]  # type: ignore[no-any-return]


def retarget(root: Root, rng: random.Random) -> None:
    """A branch leads somewhere else, perhaps back, perhaps nowhere."""
    body = body_of(root, rng.choice(nodes_of(root)))
    keys = [key for key in TARGETS if key in body]
    target = rng.choice([*nodes_of(root), "nowhere"])
    if "keys" in body and rng.random() < 0.5:
        body["keys"][rng.choice(list(body["keys"]))] = target
    elif keys:
        body[rng.choice(keys)] = target


def add_branch(root: Root, rng: random.Random) -> None:
    body_of(root, rng.choice(nodes_of(root)))[rng.choice(TARGETS)] = rng.choice(nodes_of(root))


def drop_key(root: Root, rng: random.Random) -> None:
    body = body_of(root, rng.choice(nodes_of(root)))
    if body:
        del body[rng.choice(list(body))]


def swap_bodies(root: Root, rng: random.Random) -> None:
    a, b = rng.choice(nodes_of(root)), rng.choice(nodes_of(root))
    root["nodes"][a], root["nodes"][b] = root["nodes"][b], root["nodes"][a]


def hang_up(root: Root, rng: random.Random) -> None:
    root["nodes"][rng.choice(nodes_of(root))] = {"hangup": {}}


def forget_the_person(root: Root, rng: random.Random) -> None:
    node = rng.choice(nodes_of(root))
    body_of(root, node)["no_person_key"] = "why not"


def other_number(root: Root, rng: random.Random) -> None:
    body = body_of(root, rng.choice(nodes_of(root)))
    body[rng.choice(["tries", "wait", "timeout", "wait_at_most"])] = rng.choice([0, 1, 3, -1, 9])


def other_person(root: Root, rng: random.Random) -> None:
    root[rng.choice(["person", "start"])] = rng.choice(nodes_of(root))


def drop_node(root: Root, rng: random.Random) -> None:
    del root["nodes"][rng.choice(nodes_of(root))]


def circle(root: Root, rng: random.Random) -> None:
    a, b = rng.choice(nodes_of(root)), rng.choice(nodes_of(root))
    for here, there in ((a, b), (b, a)):
        body = body_of(root, here)
        body[rng.choice([key for key in TARGETS if key in body] or ["next"])] = there


def play_instead(root: Root, rng: random.Random) -> None:
    target = rng.choice(nodes_of(root))
    root["nodes"][rng.choice(nodes_of(root))] = {"play": {"prompt": "please_wait", "next": target}}


MUTATIONS = (retarget, retarget, add_branch, drop_key, swap_bodies, hang_up, forget_the_person, other_number,
             other_person, drop_node, circle, circle, play_instead)  # fmt: skip


def mutated(shipped: Reading, seed: int) -> tuple[Reading | None, str]:
    """The flows with one to three mutations in one of them; None when its file alone shows a fault."""
    rng = random.Random(seed)
    name = rng.choice(sorted(shipped.flows))
    root = copy.deepcopy(shipped.documents[name].root)
    assert isinstance(root, dict)
    done = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        mutate = rng.choice(MUTATIONS)
        mutate(root, rng)
        done.append(mutate.__name__)
    document = read_document(json.dumps(root, ensure_ascii=False), f"{name}.yaml")
    told = f"seed {seed}: {name}: {', '.join(done)}"
    try:
        flow = compile_flow(document)
    except ConfigError:
        return None, told
    made = Reading(
        {**shipped.flows, name: flow}, {**shipped.documents, name: document}, shipped.catalogue,
        shipped.calendars, shipped.calendar_documents, (), f"seed {seed}",
    )  # fmt: skip
    return made, told


def harmful(reading: Reading) -> bool:
    """Whether `check` refuses for more than nodes that nothing leads to: those harm nobody."""
    return any("no way leads to" not in fault.message for fault in check(reading, audio=False).errors)


def verdict(shipped: Reading, seed: int) -> tuple[str, list[str]]:
    """refused or accepted, with what brute force makes of it when accepted."""
    reading, told = mutated(shipped, seed)
    if reading is None or harmful(reading):
        return "refused", []
    assert reading.catalogue is not None
    flows = flow_set(reading, reading.catalogue)
    roots = [name for name, flow in flows.flows.items() if not flow.subflow]
    return "accepted", [f"{told}: {fate}" for fate in fates(flows, roots, random.Random(seed), 8)]


def judge(shipped: Reading, seeds: Iterable[int]) -> tuple[Counter[str], list[str]]:
    """How many mutations `check` refused and accepted; of the accepted, who was trapped or lost."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for seed in seeds:
        outcome, fates_ = verdict(shipped, seed)
        counts[outcome] += 1
        wrong += fates_
    return counts, wrong
