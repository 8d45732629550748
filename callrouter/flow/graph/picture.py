"""What is on a flow's picture: boxes and arrows, before anything is placed."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from acd.record import FlowStep
from callrouter.flow.node import Choice, Exit, Placed, Say
from callrouter.flow.nodes.callback import Callback
from callrouter.flow.nodes.collect import Collect
from callrouter.flow.nodes.hangup import Hangup
from callrouter.flow.nodes.hours import Hours
from callrouter.flow.nodes.http import Http
from callrouter.flow.nodes.language import Language
from callrouter.flow.nodes.queue import Queue
from callrouter.flow.nodes.return_ import Return
from callrouter.flow.nodes.set import Set
from callrouter.flow.nodes.sql import Sql
from callrouter.flow.nodes.subflow import Subflow
from callrouter.flow.nodes.switch import Switch
from callrouter.flow.nodes.transfer import Transfer
from callrouter.flow.nodes.voicemail import Voicemail
from callrouter.flow.program import Flow

BOX_ROOM: Final = 172.0
LINE_SIZE: Final = 11.5
"""Pixels: how wide a line in a box may be, and its font's size."""

TextOf = Callable[[str], str | None]
"""The words of a prompt in the flow's first language."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One passage of a traced call."""

    number: int
    after: float
    """Seconds since the trace's first step."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node."""

    name: str
    verb: str
    kind: str
    """Its colour: ``speech``, ``keys``, ``data``, ``person``, ``promise``, ``subflow``, ``end``."""
    lines: tuple[str, ...]
    note: str
    start: bool = False
    person: bool = False
    visits: tuple[Visit, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrow:
    """One or several branches from one node to another."""

    source: str
    target: str
    labels: tuple[str, ...]
    choice: Choice
    taken: int = 0
    """How often a traced call has gone this way."""
    silent: bool = False
    """Callers who press nothing may come this way before they are offered to a person."""


@dataclass(frozen=True, slots=True)
class Picture:
    title: str
    person: str | None
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    traced: bool = False
    warnings: tuple[str, ...] = field(default=())


KINDS: Final = {
    "play": "speech", "menu": "keys", "collect": "keys", "survey": "keys", "consent": "keys",
    "hours": "data", "switch": "data", "set": "data", "language": "data", "http": "data", "sql": "data",
    "queue": "person", "transfer": "person", "callback": "promise", "voicemail": "promise",
    "subflow": "subflow", "return": "end", "hangup": "end",
}  # fmt: skip


def picture(flow: Flow, text_of: TextOf, trace: Iterable[FlowStep] = ()) -> Picture:
    """The boxes and arrows of a flow, with a call's trace over it if one is given.

    A trace of another version may name nodes that are gone: they are listed in `warnings`.
    """
    steps = [step for step in trace if step.flow == flow.id]
    began = steps[0].at if steps else 0.0
    visits: dict[str, list[Visit]] = {}
    for number, step in enumerate(steps, 1):
        visits.setdefault(step.node, []).append(Visit(number, step.at - began))
    boxes = tuple(
        Box(
            name, placed.body.verb, KINDS.get(placed.body.verb, "data"), tuple(_lines(placed, text_of)),
            placed.note, name == flow.start, name == flow.person, tuple(visits.get(name, ())),
        )
        for name, placed in flow.nodes.items()
    )  # fmt: skip
    gone = sorted(set(visits) - set(flow.nodes))
    warnings = tuple(f"the trace passes {name!r}, which this version does not have" for name in gone)
    title = f"{flow.id} · {flow.title}" if flow.title else flow.id
    return Picture(
        title, flow.person, boxes, tuple(_arrows(flow, _taken(flow, steps))), bool(steps), warnings
    )


def _taken(flow: Flow, steps: list[FlowStep]) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for step, following in itertools.pairwise(steps):
        placed = flow.nodes.get(step.node)
        leaves = placed is not None and step.branch in placed.exits
        if leaves or (step.branch == "failed" and following.node == flow.person):
            key = (step.node, following.node)
            counts[key] = counts.get(key, 0) + 1
    return counts


def _arrows(flow: Flow, taken: dict[tuple[str, str], int]) -> Iterable[Arrow]:
    """Branches with the same ends are one arrow; `0` and unwritten failures are not drawn."""
    rank = [Choice.CALLER, Choice.SYSTEM, Choice.MISTAKE, Choice.FAILURE]
    drawn: set[tuple[str, str]] = set()
    silent = _silent(flow)
    for name, placed in flow.nodes.items():
        groups: dict[str, list[Exit]] = {}
        for exit in placed.body.exits():
            target = exit.target
            if target is None and exit.choice is Choice.SYSTEM and flow.person != name:
                target = flow.person
            if target is not None:
                groups.setdefault(target, []).append(exit)
        for target, exits in groups.items():
            choice = min((exit.choice for exit in exits), key=rank.index)
            labels = tuple(_label(exit.label) for exit in exits)
            drawn.add((name, target))
            yield Arrow(name, target, labels, choice, taken.get((name, target), 0), (name, target) in silent)
    for (name, target), count in taken.items():
        if (name, target) not in drawn and name in flow.nodes and target in flow.nodes:
            yield Arrow(name, target, ("0 / failed",), Choice.FAILURE, count)


def _silent(flow: Flow) -> set[tuple[str, str]]:
    """The ways of callers who press nothing, up to the first person; failures left out."""
    found: set[tuple[str, str]] = set()
    seen, waiting = {flow.start}, [flow.start]
    while waiting:
        placed = flow.nodes[waiting.pop()]
        if placed.body.hands_over:
            continue
        for exit in placed.body.exits():
            by_silence = exit.choice is Choice.MISTAKE and exit.label == "silence"
            target = exit.target or flow.person
            if target is not None and (by_silence or exit.choice is Choice.SYSTEM):
                found.add((placed.name, target))
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
    return found


def _label(label: str) -> str:
    for lead in ("key ", "= ", "as ", "day "):
        if label.startswith(lead):
            return label.removeprefix(lead)
    return "" if label == "next" else label


def _lines(placed: Placed, text_of: TextOf) -> Iterable[str]:
    body = placed.body
    match body:
        case Queue():
            yield f"→ {body.queue}" if body.choose is None else shortened(f"→ by {body.choose}")
            if body.skills:
                yield shortened(body.skills)
        case Transfer():
            yield f"→ {body.line or body.line_from or body.seat or body.number}"
        case Callback():
            yield f"→ {body.queue}"
        case Voicemail():
            yield f"→ {body.mailbox}"
        case Hours():
            yield body.calendar
        case Switch():
            yield shortened(body.on if body.on is not None else body.cases[0].when)
        case Set():
            yield shortened(", ".join(f"{name} = {source}" for name, source in body.values.items()))
        case Language():
            yield f"→ {body.to}"
        case Http():
            yield shortened(f"{body.service}{body.path}")
        case Sql():
            yield shortened(body.database)
        case Subflow():
            yield f"→ {body.flow}"
        case Return():
            if body.way:
                yield f"as {body.way}"
        case Hangup() if not body.prompt:
            yield shortened(body.reason)
    said = next((prompts for prompts, _ in body.said() if prompts), ())
    if words := "".join(_words(item, text_of) for item in said):
        yield f"“{shortened(words, BOX_ROOM - 2 * LINE_SIZE)}”"
    if isinstance(body, Collect):
        yield f"→ {body.into}"


def _words(item: str | Say, text_of: TextOf) -> str:
    if isinstance(item, str):
        return text_of(item) or item
    kind, value = item.spoken
    if kind == "prompt":
        return ""
    return f"〔{value}〕"


def width_of(text: str, size: float) -> float:
    """About how wide a text is at a font size: Chinese signs are square, others half as wide."""
    return size * sum(1.0 if ord(sign) > 0x2E80 else 0.55 for sign in text)


def shortened(text: str, room: float = BOX_ROOM, size: float = LINE_SIZE) -> str:
    """As much of `text` as fits into so many pixels."""
    if width_of(text, size) <= room:
        return text
    while text and width_of(text, size) > room - size:
        text = text[:-1]
    return text + "…"
