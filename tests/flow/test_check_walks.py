"""What the checker proves about callers."""

import pytest

from callrouter.flow.check_walks import Walks, components
from tests.flow.walker import flow

PERSON = "  seat: {queue: {queue: xining}}\n"
HEAD = "flow: hotline\nperson: seat\nstart: a\nnodes:\n" + PERSON


def faults(*texts: str) -> list[str]:
    made = [flow(text) for text in texts]
    walks = Walks({one.id: one for one in made})
    return [message for one in made for _, message, _ in walks.faults(one)]


def notices(*texts: str) -> list[str]:
    made = [flow(text) for text in texts]
    walks = Walks({one.id: one for one in made})
    return [message for one in made for _, message, _ in walks.notices(one)]


@pytest.mark.parametrize(
    "nodes",
    [
        "  a: {play: {prompt: x, next: a}}",
        "  a: {play: {prompt: x, next: b}}\n  b: {switch: {cases: [{when: 'hour > 5', next: a}]}}",
        "  a: {menu: {prompt: x, keys: {1: seat}, silence: a}}",
        "  a: {menu: {prompt: x, keys: {1: seat}, wrong: b}}\n  b: {play: {prompt: x, next: a}}",
        "  a: {http: {service: s, path: /, failed: a}}",
        "  a: {consent: {prompt: x, next: a}}",
        "  a: {transfer: {line: '1', busy: b}}\n  b: {play: {prompt: x, next: a}}",
        "  a: {voicemail: {prompt: x, mailbox: m, empty: a, next: bye}}\n  bye: {hangup: {}}",
    ],
)
def test_automatic_loops(nodes: str) -> None:
    assert "go round for ever" in " ".join(faults(HEAD + nodes))


@pytest.mark.parametrize(
    "nodes",
    [
        "  a: {menu: {prompt: x, keys: {1: b}}}\n  b: {play: {prompt: x, next: a}}",
        "  a: {collect: {prompt: x, into: v, next: b}}\n  b: {transfer: {line_from: v, unknown: a}}",
        "  a: {queue: {queue: q, full: b}}\n  b: {play: {prompt: x, next: a}}",
    ],
)
def test_loops_by_choice_or_past_a_person_are_fine(nodes: str) -> None:
    head = HEAD.replace("start: a", "start: a\nvariables: {v: {type: string}}")
    assert faults(head + nodes) == []


@pytest.mark.parametrize(
    ("nodes", "path"),
    [
        ("  a: {hangup: {}}", "a"),
        ("  a: {menu: {prompt: x, keys: {1: seat}, silence: b}}\n  b: {hangup: {}}", "a (silence) → b"),
        ("  a: {queue: {queue: q, full: b}}\n  b: {hangup: {}}", "a (full) → b"),
        ("  a: {menu: {prompt: x, keys: {1: t}}}\n  t: {transfer: {line: '1', busy: b}}\n  b: {hangup: {}}",
         "a (key 1) → t (busy) → b"),
        ("  a: {hours: {calendar: c, open: seat, closed: b}}\n  b: {hangup: {}}", "a (closed) → b"),
        ("  a: {voicemail: {prompt: x, mailbox: m, empty: b, next: b}}\n  b: {hangup: {}}", "a (empty) → b"),
    ],
)  # fmt: skip
def test_losses(nodes: str, path: str) -> None:
    assert faults(HEAD + nodes) == [f"callers are hung up on who have reached nobody: {path}"]


@pytest.mark.parametrize(
    "nodes",
    [
        "  a: {hangup: {without_person: 'the number is a test number'}}",
        "  a: {menu: {prompt: x, keys: {1: b}}}\n  b: {hangup: {}}",
        "  a: {queue: {queue: q, next: b}}\n  b: {hangup: {}}",
        "  a: {callback: {queue: q, next: b}}\n  b: {hangup: {}}",
        "  a: {voicemail: {prompt: x, mailbox: m, next: b}}\n  b: {hangup: {}}",
        "  a: {queue: {queue: q, callback: b}}\n  b: {hangup: {}}",
        "  a: {queue: {queue: q, next: s}}\n  s: {survey: {prompt: x, next: b}}\n  b: {hangup: {}}",
    ],
)
def test_hanging_up_on_callers_who_got_somewhere(nodes: str) -> None:
    assert faults(HEAD + nodes) == []


def test_the_persons_own_failure_is_walked_even_when_nothing_else_leads_there() -> None:
    text = HEAD.replace("queue: xining", "queue: xining, full: bye") + "  bye: {hangup: {}}\n"
    assert "seat (full) → bye" in " ".join(
        faults(text + "  a: {queue: {queue: q, otherwise: a2}}\n  a2: {queue: {queue: r}}")
    )


def test_unreachable() -> None:
    assert faults(HEAD + "  a: {play: {prompt: x}}\n  b: {play: {prompt: x}}") == ["no way leads to node 'b'"]


CALLER = HEAD + "  a: {subflow: {flow: sub, next: bye, ways: {again: a, person: seat}}}\n  bye: {hangup: {}}"


def sub(nodes: str) -> str:
    return f"flow: sub\nsubflow: true\nstart: s\nnodes:\n{nodes}"


def test_subflows_are_walked_through() -> None:
    silent = sub("  s: {menu: {prompt: x, keys: {1: r}, silence: r}}\n  r: {return: {}}")
    assert "a (next) → bye" in " ".join(faults(CALLER, silent))
    asked = sub("  s: {menu: {prompt: x, keys: {1: r}}}\n  r: {return: {}}")
    assert faults(CALLER, asked) == []
    loop = sub(
        "  s: {menu: {prompt: x, keys: {1: r}, silence: t}}\n  r: {return: {}}\n  t: {return: {as: again}}"
    )
    assert "go round for ever: a → a" in " ".join(faults(CALLER, loop))


def test_a_loss_within_a_subflow_depends_on_who_calls() -> None:
    ends = sub(
        "  s: {switch: {cases: [{when: 'hour > 5', next: r}], otherwise: h}}\n"
        "  r: {return: {as: person}}\n  h: {hangup: {}}"
    )
    assert "reached nobody" in " ".join(faults(CALLER, ends))
    chosen = HEAD + "  a: {menu: {prompt: x, keys: {1: b}}}\n  b: {subflow: {flow: sub, next: seat}}"
    assert faults(chosen, ends) == []


def test_subflows_that_never_come_back_and_circles() -> None:
    assert "never comes back" in " ".join(faults(CALLER, sub("  s: {play: {prompt: x}}")))
    circle = sub("  s: {subflow: {flow: sub}}\n  r: {return: {}}")
    assert "calls itself" in " ".join(faults(circle))


def test_return_outside_a_subflow() -> None:
    assert "belongs into a subflow" in " ".join(faults(HEAD + "  a: {return: {}}"))


def test_subflow_nobody_calls() -> None:
    assert notices(sub("  s: {return: {}}")) == ["no flow calls the subflow 'sub'"]


def test_components() -> None:
    edges = {"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": ["e"], "e": [], "f": ["f"], "g": ["d", "gone"]}
    assert [sorted(circle) for circle in components(edges)] == [["a", "b", "c"], ["f"]]
    long = {str(n): [str(n + 1)] for n in range(5_000)} | {"5000": ["0"]}
    assert len(components(long)[0]) == 5_001
