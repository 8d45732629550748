"""Any flow that `check` accepts, any caller: a person, a callback, a message or a hang-up, and soon."""

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from callrouter.config.document import ConfigError, read_document
from callrouter.flow.check_walks import Walks
from callrouter.flow.compiling import compile_flow
from callrouter.flow.program import Flow, FlowSet
from simulators.flow_callers import fates
from tests.flow.test_calendar import made
from tests.flow.walker import Speech

VERBS = (
    "play", "menu", "menu", "collect", "hours", "switch", "queue", "transfer", "callback", "voicemail",
    "consent", "http", "survey", "hangup", "language",
)  # fmt: skip
NAMES = ["a", "b", "c", "d", "e", "seat"]


def _optional(body: dict[str, Any], draw: st.DrawFn, keys: list[str]) -> dict[str, Any]:
    for key in keys:
        if draw(st.booleans()):
            body[key] = draw(st.sampled_from(NAMES))
    return body


@st.composite
def nodes(draw: st.DrawFn, subflow: bool) -> dict[str, Any]:
    verb = draw(st.sampled_from([*VERBS, "return" if subflow else "subflow"]))
    to = st.sampled_from(NAMES)
    quiet = {"no_person_key": "x"} if draw(st.integers(0, 3)) == 0 else {}
    prompt = draw(st.sampled_from(["hello", "missing_one"]))
    match verb:
        case "play":
            body = _optional(
                {"prompt": prompt, "interruptible": draw(st.booleans()), **quiet}, draw, ["next"]
            )
        case "menu":
            keys = draw(
                st.dictionaries(st.sampled_from(["1", "2", "12", "0", "9"]), to, min_size=1, max_size=3)
            )
            body = {"prompt": prompt, "keys": keys, "wait": draw(st.sampled_from([0, 3])), **quiet}
            body |= {"tries": draw(st.integers(1, 3)), "repeat": draw(st.sampled_from(["*", "#"]))}
            _optional(body, draw, ["silence", "wrong"])
        case "collect":
            body = _optional(
                {"prompt": prompt, "into": "v", "min": 2, **quiet}, draw, ["next", "silence", "wrong"]
            )
        case "hours":
            body = _optional({"calendar": "office", "open": draw(to), "closed": draw(to)}, draw, ["holiday"])
        case "switch":
            body = _optional({"cases": [{"when": "hour > 11", "next": draw(to)}]}, draw, ["otherwise"])
        case "queue":
            body = _optional({"queue": "q"}, draw, ["full", "timeout", "callback", "otherwise", "next"])
        case "transfer":
            body = _optional({"line_from": "v"}, draw, ["busy", "unknown", "otherwise", "next"])
        case "callback":
            body = _optional({"queue": "q", "next": draw(to)}, draw, ["refused"])
        case "voicemail":
            body = _optional({"prompt": prompt, "mailbox": "m", "next": draw(to), **quiet}, draw, ["empty"])
        case "consent":
            body = _optional({"prompt": prompt, **quiet}, draw, ["next"])
        case "http":
            body = _optional({"service": "s", "path": "/", "into": {"v": "answer.state"}, **quiet}, draw,
                             ["next", "not_found", "failed"])  # fmt: skip
        case "survey":
            body = _optional({"prompt": prompt, "next": draw(to), **quiet}, draw, ["poor"])
        case "hangup":
            body = {"without_person": "x"} if draw(st.integers(0, 4)) == 0 else {}
        case "language":
            body = _optional({"to": "zh"}, draw, ["next"])
        case "subflow":
            body = _optional({"flow": "part", "ways": {"x": draw(to)}}, draw, ["next"])
        case _:
            body = {"as": draw(st.sampled_from(["x", "y"]))}
    return {verb: body}


@st.composite
def flow_sets(draw: st.DrawFn) -> dict[str, str]:
    made = {}
    for name, subflow in (("main", False), ("part", True)):
        own = {node: draw(nodes(subflow)) for node in NAMES[:-1]}
        own["seat"] = {"return": {"as": "x"}} if subflow else {"queue": draw(st.sampled_from([
            {"queue": "q"}, {"queue": "q", "full": "a"}, {"queue": "q", "otherwise": "b", "next": "c"},
        ]))}  # fmt: skip
        root = {
            "flow": name,
            "subflow": subflow,
            "start": "a",
            "variables": {"v": {"type": "string"}},
            "nodes": own,
        }
        made[name] = json.dumps(root | ({} if subflow else {"person": "seat"}))
    return made


def _compiled(texts: dict[str, str]) -> dict[str, Flow] | None:
    try:
        return {name: compile_flow(read_document(text, name)) for name, text in texts.items()}
    except ConfigError:
        return None


@settings(
    max_examples=300,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(flow_sets(), st.integers(0, 10**9))
@pytest.mark.slow
def test_accepted_flows_trap_and_lose_nobody(texts: dict[str, str], seed: int) -> None:
    flows = _compiled(texts)
    if flows is None:
        event("does not compile")
        return
    walks = Walks(flows)
    faults = [message for flow in flows.values() for _, message, _ in walks.faults(flow)]
    if any("no way leads to" not in fault for fault in faults):
        event("refused")
        return
    event("accepted")
    flow_set = FlowSet(flows, Speech(), "v", "q", made())
    assert list(fates(flow_set, ["main"], random.Random(seed), 4)) == []
