"""Test cases for flows, in YAML: what is given, what the caller does, what must come of it.

Cases run in milliseconds and need no telephone. Together they show which nodes
and branches no case has been through.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import Field, model_validator

from acd.record import FlowStep
from callrouter.config.document import ConfigError, Document, parse
from callrouter.config.validation import did_you_mean
from callrouter.flow.actions import ToQueue
from callrouter.flow.calendar import LOCAL
from callrouter.flow.node import Part
from callrouter.flow.program import FlowSet
from callrouter.flow.prompts import Catalogue
from callrouter.flow.rehearsal import Refusal, Rehearsal
from callrouter.flow.session import CallFacts


class Given(Part):
    """The call and its moment."""

    time: datetime = datetime(2026, 11, 20, 10)
    """Local time; 2026-11-20 was a Friday."""
    dialled: str = "12345"
    """The number dialled."""
    caller: str = "13900001111"
    """The caller's number; "" when withheld."""
    organisation: str = "province"
    """The organisation that the directory has found."""
    language: str = "zh"
    """The language the call begins in."""


class Step(Part):
    """One thing that happens; exactly one key."""

    keys: str | None = Field(default=None, pattern=r"^[0-9*#A-D]{1,60}$")
    """The caller presses keys, at once."""
    silence: int | None = Field(default=None, ge=1, le=20)
    """The caller does nothing, so many times, until the flow goes on by itself."""
    listen: bool | None = None
    """The caller hears the present prompt to its end."""
    wait: float | None = Field(default=None, gt=0, le=86_400)
    """Seconds pass."""
    queue: str | None = None
    """The queue gives the caller back for this reason (full, closed, unstaffed, timeout, callback)."""
    transfer: str | None = None
    """The transfer fails for this reason (busy, no_answer, closed, unreachable, unknown)."""
    conversation: str | None = None
    """A person has spoken with the caller and left."""
    recorded: float | None = Field(default=None, ge=0, le=600)
    """The caller's message lasts so many seconds; 0: nothing was said."""

    @model_validator(mode="after")
    def _one(self) -> "Step":
        if len(self.model_fields_set) != 1:
            raise ValueError(f"a step is one thing. Choose one of {', '.join(type(self).model_fields)}")
        return self


def _word(value: object) -> object:
    short = {"silence": {"silence": 1}, "listen": {"listen": True}}
    return short.get(value, value) if isinstance(value, str) else value


class Fails(Part):
    """A look-up that does not succeed."""

    fails: str
    """The reason: timeout, not_found, refused …"""


class Expect(Part):
    """What must come of it; only what is given is compared."""

    ends: str | None = None
    """Where the call is: `queue xining`, `transfer 12315`, `hangup`."""
    skills: str | None = None
    """The skills asked of the queue."""
    priority: int | None = None
    """The priority in the queue."""
    reason: str | None = None
    """The reason of the hang-up."""
    language: str | None = None
    """The language at the end."""
    hears: tuple[str, ...] = ()
    """Prompts heard in this order; others may come between. Values look like digits:12345."""
    hears_not: tuple[str, ...] = ()
    """Prompts that must not be heard."""
    passes: tuple[str, ...] = ()
    """Nodes passed in this order; others may come between."""
    variables: dict[str, object] = Field(default_factory=dict)
    """Values of variables as last set."""
    within: float | None = None
    """Seconds from the answer until the call is handed over or over."""


class Case(Part):
    """One call."""

    name: str = Field(min_length=1, max_length=200)
    """What the case shows."""
    flow: str | None = None
    """The flow, if not the file's."""
    given: Given = Given()
    """The call and its moment."""
    answers: dict[str, Fails | object] = Field(default_factory=dict)
    """What each service or database (or `callback`) answers; `{fails: reason}` for a failure."""
    caller: tuple[Step, ...] = Field(default=(), max_length=100)
    """What happens, in order; afterwards the caller is silent."""
    expect: Expect
    """What must come of it."""

    @model_validator(mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        if isinstance(value, Mapping) and isinstance(value.get("caller"), list):
            return {**value, "caller": [_word(step) for step in value["caller"]]}
        return value


class CaseFile(Part):
    """A file of cases (`tests/*.yaml` beside the flows)."""

    flow: str
    """The flow that the cases are about."""
    cases: tuple[Case, ...] = Field(min_length=1, max_length=1_000)
    """The cases."""


@dataclass(frozen=True, slots=True)
class Result:
    """One case run: no `problems`, then it has passed."""

    name: str
    file: str
    line: int
    problems: tuple[str, ...]
    trace: tuple[FlowStep, ...]
    rehearsal: Rehearsal


@dataclass(slots=True)
class Coverage:
    """What cases have been through: branches by (flow, node)."""

    flows: FlowSet
    branches: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def add(self, trace: Iterable[FlowStep]) -> None:
        for step in trace:
            self.branches.setdefault((step.flow, step.node), set()).add(step.branch)

    def of(self, flow: str) -> tuple[list[str], list[str], list[str], list[str]]:
        """(nodes covered, nodes missed, branches covered, branches missed), in file order.

        Only branches that the file spells out count: the ways to a person that
        every node has by itself are the interpreter's business.
        """
        nodes: list[str] = []
        missed: list[str] = []
        branches: list[str] = []
        lacking: list[str] = []
        for name, placed in self.flows.flows[flow].nodes.items():
            taken = self.branches.get((flow, name))
            (nodes if taken is not None else missed).append(name)
            for label, target in placed.exits.items():
                if target is None:
                    continue
                covered = taken is not None and label in taken
                (branches if covered else lacking).append(f"{name} ({label})")
        return nodes, missed, branches, lacking


def run_cases(document: Document, flows: FlowSet, catalogue: Catalogue) -> Iterator[Result]:
    """Run every case of a file. Raises ConfigError when the file is not one of cases."""
    file = parse(document, CaseFile)
    for number, case in enumerate(file.cases):
        line, _ = document.position(["cases", number])
        flow = case.flow or file.flow
        if flow not in flows.flows or flows.flows[flow].subflow:
            roots = [name for name, known in flows.flows.items() if not known.subflow]
            message = f"there is no flow {flow!r} that calls begin in"
            path: list[str | int] = ["cases", number, "flow"] if case.flow else ["flow"]
            raise ConfigError([document.fault(path, message, did_you_mean(flow, roots))])
        yield _run(case, flow, flows, catalogue, document.name, line)


def _run(case: Case, flow: str, flows: FlowSet, catalogue: Catalogue, file: str, line: int) -> Result:
    given = case.given
    facts = CallFacts(
        call=case.name, dialled=given.dialled, caller=given.caller, organisation=given.organisation,
        language=given.language,
    )  # fmt: skip
    now = given.time.replace(tzinfo=LOCAL).timestamp()
    answers = {
        name: Refusal(answer.fails) if isinstance(answer, Fails) else answer
        for name, answer in case.answers.items()
    }
    rehearsal = Rehearsal(flows, catalogue, flow, facts, now, answers)
    problems: list[str] = []
    for number, step in enumerate(case.caller, 1):
        problem = perform(step, rehearsal)
        if problem:
            problems.append(f"step {number}: {problem}")
            break
    rehearsal.run()
    trace = tuple(rehearsal.finish())
    problems += _compare(case.expect, rehearsal, trace)
    return Result(case.name, file, line, tuple(problems), trace, rehearsal)


def perform(step: Step, rehearsal: Rehearsal) -> str:
    """Let one step happen; what is impossible about it, or ``""``."""
    if rehearsal.over:
        return "the call is over already"
    if step.keys is not None:
        rehearsal.press(step.keys)
    elif step.silence is not None:
        for _ in range(step.silence):
            rehearsal.be_silent()
    elif step.listen is not None:
        rehearsal.listen()
    elif step.wait is not None:
        rehearsal.wait(step.wait)
    elif step.recorded is not None:
        rehearsal.recorded(step.recorded)
    else:
        source, reason = next(
            (name, value)
            for name in ("queue", "transfer", "conversation")
            if (value := getattr(step, name)) is not None
        )
        if rehearsal.handed is None:
            rehearsal.run()
        if rehearsal.handed is None:
            return f"the caller is in no queue and no transfer, but at {rehearsal.place!r}"
        rehearsal.comes_back(source, reason)
    return ""


def _compare(expect: Expect, rehearsal: Rehearsal, trace: Sequence[FlowStep]) -> Iterator[str]:
    handed = rehearsal.handed
    queued = handed if isinstance(handed, ToQueue) else None
    facts: list[tuple[str, object, object]] = [
        ("ends", expect.ends, rehearsal.place),
        ("skills", expect.skills, queued.skills if queued else None),
        ("priority", expect.priority, queued.priority if queued else None),
        ("reason", expect.reason, rehearsal.ended.reason if rehearsal.ended else None),
        ("language", expect.language, rehearsal.session.language),
    ]
    for name, wanted, found in facts:
        if wanted is not None and wanted != found:
            yield f"{name}: expected {wanted!r}, found {found!r}"
    heard = [one.prompt for one in rehearsal.heard]
    yield from _in_order("hears", expect.hears, heard)
    for prompt in expect.hears_not:
        if prompt in heard:
            yield f"hears_not: {prompt!r} was heard"
    yield from _in_order("passes", expect.passes, [step.node for step in trace])
    values = {name: value for step in trace for name, value in step.variables.items()}
    for name, wanted in expect.variables.items():
        if values.get(name) != wanted:
            yield f"variables: {name} is {values.get(name)!r}, expected {wanted!r}"
    seconds = rehearsal.now - rehearsal.began
    if expect.within is not None and seconds > expect.within:
        yield f"within: it took {seconds:.1f} s, longer than {expect.within:g} s"


def _in_order(what: str, wanted: Sequence[str], found: Sequence[str]) -> Iterator[str]:
    rest = iter(found)
    for item in wanted:
        if not any(item == other for other in rest):
            there = ", ".join(found) or "nothing"
            yield f"{what}: {item!r} does not come (in this order); there was: {there}"
            return
