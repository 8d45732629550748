"""How fast are flows interpreted, checked and read? The same code that runs live. (`callrouter bench flow`)

All figures are CPU time of this process's thread, so a busy machine does not
spoil them. A *node step* is one event handled at a node, or one node passed on
the way to where the caller stays.
"""

import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Final

from callrouter.flow.actions import (
    Answered,
    Digit,
    FlowAction,
    Lookup,
    LookupDone,
    MediaFinished,
    PlayMedia,
    Returned,
    ToQueue,
)
from callrouter.flow.check import check
from callrouter.flow.loader import read_flows
from callrouter.flow.program import FlowSet
from callrouter.flow.session import CallFacts, FlowSession

NOON: Final = 1_795_147_200.0
KEYS: Final = "1235678*"

# 200,000 steps/s where json.loads makes 470,000 events/s is 0.43; machines differ in how they do either.
AGAINST_JSON: Final = 0.33


def interpreter_speed(flows: FlowSet, calls: int = 4_000, seed: int = 1) -> float:
    """Node steps a second over the shipped flows with callers who press, listen, wait and come back."""
    roots = [name for name, flow in flows.flows.items() if not flow.subflow]
    rng = random.Random(seed)
    choices = [rng.random() for _ in range(10_007)]
    steps, at = 0, 0
    began = thread_time()
    for number in range(calls):
        facts = CallFacts(call="c", dialled="12369", organisation="xining")
        session = FlowSession(flows, roots[number % len(roots)], facts, NOON)
        session.start(NOON)
        actions = session.handle(Answered(), NOON)
        for _ in range(30):
            at = (at + 1) % len(choices)
            event = _event(actions[-1] if actions else None, choices[at])
            if event is None or session.finished:
                break
            actions = session.handle(event, NOON)
            steps += 1
        steps += session.steps
        session.take_trace(final=True)
    return steps / (thread_time() - began)


_ARI_EVENT: Final = json.dumps(
    {
        "type": "ChannelDtmfReceived",
        "timestamp": "2026-11-23T08:00:00.000+0800",
        "digit": "5",
        "duration_ms": 120,
        "channel": {
            "id": "1763.1",
            "name": "PJSIP/carrier-00000001",
            "state": "Up",
            "caller": {"name": "", "number": "13909710001"},
        },
    }
)


def peer_speed(count: int = 40_000) -> float:
    """What the machine can do: `json.loads` of one ARI event, times a second."""
    began = thread_time()
    for _ in range(count):
        json.loads(_ARI_EVENT)
    return count / (thread_time() - began)


def _event(last: FlowAction | None, chance: float) -> MediaFinished | Digit | Returned | LookupDone | None:
    if isinstance(last, PlayMedia):
        return MediaFinished(last.token) if chance < 0.5 else Digit(KEYS[int(chance * 1000) % len(KEYS)])
    if isinstance(last, ToQueue):
        return Returned("queue", "timeout") if chance < 0.5 else None
    if isinstance(last, Lookup):
        return LookupDone(last.token, ok=True, value={"state": "done"})
    return Digit(KEYS[int(chance * 1000) % len(KEYS)])


def check_time(site: Path, flows: int = 200, nodes: int = 50, seed: int = 1) -> float:
    """Seconds to read and check so many generated flows, everything included."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in ("prompts", "site"):
            (folder / name).symlink_to(site.resolve() / name)
        rng = random.Random(seed)
        for number in range(flows):
            (folder / f"f{number}.yaml").write_text(generated(f"f{number}", nodes, rng), encoding="utf-8")
        began = thread_time()
        found = check(read_flows(folder), audio=False)
        seconds = thread_time() - began
    if found.errors:
        raise RuntimeError(f"generated flows must be sound: {found.errors[0]}")
    return seconds


def generated(flow: str, count: int, rng: random.Random) -> str:
    """A sound flow of `count` nodes: a chain with branches forward, everything ending at a person."""
    lines = [f"flow: {flow}", "languages: [zh, bo-amdo]", "person: seat", "start: n0"]
    lines += ["variables:", "  order: {type: string}", "  count: {type: int}", "nodes:"]
    for number in range(count - 1):
        following = f"n{number + 1}" if number < count - 2 else "seat"
        ahead = f"n{rng.randrange(number, count - 1)}"
        lines.append(f"  n{number}:")
        lines += [f"    {line}" for line in rng.choice(_NODES)(number, following, ahead).splitlines()]
    return "\n".join([*lines, "  seat:", "    queue: {queue: province}", ""])


_NODES: Final[tuple[Callable[[int, str, str], str], ...]] = (
    lambda n, to, ahead: (
        f"menu:\n  prompt: [please_wait, {{digits: order}}]\n  keys: {{1: {to}, 2: seat, 3: {ahead}}}\n"
        f"  tries: 2\n  silence: {to}\n  wrong: seat"
    ),
    lambda n, to, ahead: f"play:\n  prompt: [please_wait, goodbye]\n  next: {to}",
    lambda n, to, ahead: (
        f"switch:\n  cases:\n    - {{when: 'count > {n} && dialled.startsWith(\"0\")', next: seat}}\n"
        f"  otherwise: {to}"
    ),
    lambda n, to, ahead: f"collect:\n  prompt: please_wait\n  into: order\n  pattern: '[0-9]+'\n  next: {to}",
    lambda n, to, ahead: f"queue:\n  queue: province\n  skills: mandarin | bo-amdo >= 3\n  otherwise: {to}",
    lambda n, to, ahead: f"transfer:\n  line: '12315'\n  otherwise: {to}",
    lambda n, to, ahead: f"hours:\n  calendar: office\n  open: {to}\n  closed: seat",
    lambda n, to, ahead: f"set:\n  values: {{count: count + {n}}}\n  next: {to}",
)
