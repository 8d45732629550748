"""Whether everything that a flow refers to exists: prompts, queues, lines, calendars, subflows, variables."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from acd import skill
from callrouter.config.validation import did_you_mean
from callrouter.flow.expression import fits
from callrouter.flow.node import Node, Placed
from callrouter.flow.nodes.callback import Callback
from callrouter.flow.nodes.collect import Collect
from callrouter.flow.nodes.hours import Hours
from callrouter.flow.nodes.http import Http
from callrouter.flow.nodes.language import Language
from callrouter.flow.nodes.queue import Queue
from callrouter.flow.nodes.return_ import Return
from callrouter.flow.nodes.sql import Sql
from callrouter.flow.nodes.subflow import Subflow
from callrouter.flow.nodes.transfer import Transfer
from callrouter.flow.program import Flow
from callrouter.flow.prompts import Catalogue
from callrouter.flow.reading import Reading

Path = tuple[str | int, ...]
Remark = tuple[Path, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What exists outside the flows. None: not known, hence not checked."""

    queues: Collection[str] | None = None
    skills: Collection[str] | None = None
    lines: Collection[str] | None = None
    seats: Collection[str] | None = None
    never_met: Callable[[str, str], str] | None = None
    """Of a queue and a skill expression: why no seat can ever serve it, or ``""``."""
    closing: Collection[str] = ()
    """Queues that have opening hours."""
    calendars: Collection[str] = ()
    """Calendars that lines and queues ask."""
    services: Collection[str] | None = None
    """Web services and databases of the settings."""


def variables_fetched(flows: Mapping[str, Flow]) -> dict[str, set[str]]:
    """Per subflow the variables that its callers take as results."""
    fetched: dict[str, set[str]] = {}
    for flow in flows.values():
        for placed in flow.nodes.values():
            if type(placed.body) is Subflow:
                fetched.setdefault(placed.body.flow, set()).update(placed.body.results.values())
    return fetched


def check_names(
    flow: Flow, reading: Reading, known: Known, fetched: Mapping[str, set[str]]
) -> tuple[list[Remark], list[Remark]]:
    """(errors, warnings) of one flow; `fetched` is `variables_fetched` of all."""
    errors: list[Remark] = []
    for placed in flow.nodes.values():
        errors += _outside(placed, known)
        errors += _inside(flow, placed, reading)
    warnings = list(_unused_variables(flow, fetched.get(flow.id, set())))
    if reading.catalogue is not None:
        errors += _prompt_errors(flow, reading.catalogue)
        warnings += _prompt_warnings(flow, reading.catalogue)
    return errors, warnings


def _outside(placed: Placed, known: Known) -> Iterator[Remark]:
    body, at = placed.body, placed.path
    if type(body) is Queue or type(body) is Callback:
        yield from _exists("queue", body.queue, known.queues, (*at, "queue"))
        unknown = list(_skill_faults(body.skills, known.skills, (*at, "skills")))
        yield from unknown
        if known.never_met is not None and not unknown and (why := known.never_met(body.queue, body.skills)):
            yield (*at, "skills"), why, "Give the skills to a seat, ask for less, or add a relaxation step"
    if type(body) is Queue:
        for index, queue in enumerate(body.among):
            yield from _exists("queue", queue, known.queues, (*at, "among", index))
        yield from _closing(body, known, at)
    if type(body) is Transfer:
        yield from _exists("line", body.line, known.lines, (*at, "line"))
        yield from _exists("seat", body.seat, known.seats, (*at, "seat"))
    if type(body) is Http:
        yield from _exists("service", body.service, known.services, (*at, "service"))
    if type(body) is Sql:
        yield from _exists("database", body.database, known.services, (*at, "database"))


def _closing(body: Queue, known: Known, at: Path) -> Iterator[Remark]:
    """Who comes when a queue is closed must hear something of it."""
    if body.closed is not None or body.otherwise is not None:
        return
    named = [((*at, "queue"), body.queue), *(((*at, "among", i), q) for i, q in enumerate(body.among))]
    for path, queue in named:
        if queue in known.closing:
            said = f"queue {queue!r} has opening hours, and nothing is said to callers when it is closed"
            yield path, said, "Add `closed:` with the node that tells them, or `otherwise:`"


def _exists(kind: str, name: str | None, known: Collection[str] | None, path: Path) -> Iterator[Remark]:
    if name is not None and known is not None and name not in known:
        yield path, f"there is no {kind} {name!r}", did_you_mean(name, known)


def _skill_faults(source: str, known: Collection[str] | None, path: Path) -> Iterator[Remark]:
    try:
        wanted = skill.names(skill.parse(source))
    except skill.SkillError as error:
        yield path, f"skills {source!r}: {error}", "Write for example: bo-kham >= 3 | bo-amdo"
        return
    for name in wanted:
        yield from _exists("skill", name, known, path)


def _inside(flow: Flow, placed: Placed, reading: Reading) -> Iterator[Remark]:
    body, at = placed.body, placed.path
    if type(body) is Language and body.to not in flow.languages:
        hint = did_you_mean(body.to, flow.languages)
        yield (*at, "to"), f"the flow does not list the language {body.to!r}", hint
    if type(body) is Hours:
        yield from _calendar_faults(body, at, reading)
    if type(body) is Collect and body.length is not None and {"min", "max"} & body.model_fields_set:
        yield (*at, "length"), "give either `length`, or `min` and `max`", ""
    if type(body) is Subflow:
        yield from _call_faults(flow, body, at, reading)


def _calendar_faults(body: Hours, at: Path, reading: Reading) -> Iterator[Remark]:
    calendar = reading.calendars.get(body.calendar)
    if calendar is None:
        hint = did_you_mean(body.calendar, reading.calendars) or "Write it in site/calendar.yaml"
        yield (*at, "calendar"), f"there is no calendar {body.calendar!r}", hint
        return
    for day in body.days:
        if day not in calendar.names:
            message = f"calendar {body.calendar!r} has no day called {day!r}"
            yield (*at, "days", day), message, did_you_mean(day, calendar.names)


def _call_faults(flow: Flow, body: Subflow, at: Path, reading: Reading) -> Iterator[Remark]:
    callee = reading.flows.get(body.flow)
    if callee is None:
        subflows = [name for name, other in reading.flows.items() if other.subflow]
        yield (*at, "flow"), f"there is no flow {body.flow!r}", did_you_mean(body.flow, subflows)
        return
    if not callee.subflow:
        yield (*at, "flow"), f"{body.flow!r} is no subflow", f"Write `subflow: true` into {callee.file}"
    arguments = {name: variable for name, variable in callee.variables.items() if variable.argument}
    for name, source in body.arguments.items():
        path = (*at, "arguments", name)
        if name not in arguments:
            yield path, f"{body.flow!r} takes no argument {name!r}", did_you_mean(name, arguments)
        elif source in flow.expressions and not fits(flow.expressions[source].kind, arguments[name].type):
            kind = flow.expressions[source].kind
            yield path, f"argument {name!r} is {arguments[name].type}, but is given {kind}", ""
    for name, variable in arguments.items():
        if name not in body.arguments and variable.default is None:
            yield at, f"argument {name!r} of {body.flow!r} is missing", f"Add `arguments: {{{name}: …}}`"
    yield from _result_faults(flow, callee, body, at)
    ways = {placed.body.way for placed in callee.nodes.values() if type(placed.body) is Return}
    for way in body.ways:
        if way not in ways:
            yield (
                (*at, "ways", way),
                f"{body.flow!r} never returns as {way!r}",
                did_you_mean(way, ways - {""}),
            )


def _result_faults(flow: Flow, callee: Flow, body: Subflow, at: Path) -> Iterator[Remark]:
    for mine, theirs in body.results.items():
        path = (*at, "results", mine)
        if mine not in flow.variables:
            hint = did_you_mean(mine, flow.variables) or "Declare it under `variables:`"
            yield path, f"variable {mine!r} is not declared", hint
        elif theirs not in callee.variables:
            yield path, f"{callee.id!r} has no variable {theirs!r}", did_you_mean(theirs, callee.variables)
        elif flow.variables[mine].type != callee.variables[theirs].type:
            kinds = (
                f"{mine!r} is {flow.variables[mine].type}, but {theirs!r} is {callee.variables[theirs].type}"
            )
            yield path, kinds, ""


def _said(flow: Flow) -> Iterator[tuple[Path, str, str | None]]:
    """(place, prompt id, language named for it) of every prompt."""
    for placed in flow.nodes.values():
        for prompts, path in placed.body.said():
            for index, item in enumerate(prompts):
                here = (*placed.path, *path, index)
                if isinstance(item, str):
                    yield here, item, None
                elif item.prompt is not None:
                    yield here, item.prompt, item.language


NOT_RECORDED: Final = "prompts have no recording in "
"""A warning for each flow and language, before the language."""


def _prompt_errors(flow: Flow, catalogue: Catalogue) -> Iterator[Remark]:
    for index, listed in enumerate(flow.languages):
        if listed not in catalogue.languages:
            hint = did_you_mean(listed, catalogue.languages)
            yield ("languages", index), f"the prompt catalogue has no language {listed!r}", hint
    for path, prompt, language in _said(flow):
        if prompt not in catalogue:
            yield path, f"there is no prompt {prompt!r}", did_you_mean(prompt, catalogue)
        elif language is not None and language not in catalogue.languages:
            hint = did_you_mean(language, catalogue.languages)
            yield path, f"the prompt catalogue has no language {language!r}", hint
        elif language is None and flow.languages[0] in catalogue.languages:
            # Where there is a voice the catalogue itself complains about missing audio.
            own = flow.languages[0]
            if not catalogue.languages[own].voice and catalogue.speak(prompt, own) is None:
                yield path, f"prompt {prompt!r} has no recording in {own}", "Import one"


def _prompt_warnings(flow: Flow, catalogue: Catalogue) -> Iterator[Remark]:
    said = {prompt for _, prompt, language in _said(flow) if language is None and prompt in catalogue}
    for index, other in enumerate(flow.languages[1:], 1):
        missing = sorted(p for p in said if catalogue.speak(p, other) is None)
        if missing and other in catalogue.languages:
            message = f"{len(missing)} of {len(said)} {NOT_RECORDED}{other}"
            hint = (
                f"They are said in {flow.languages[0]}: {', '.join(missing[:4])}{' …' if missing[4:] else ''}"
            )
            yield ("languages", index), message, hint


def _unused_variables(flow: Flow, fetched: set[str]) -> Iterator[Remark]:
    used = fetched | {word for source in flow.expressions for word in re.findall(r"\w+", source)}
    used |= {name for placed in flow.nodes.values() for name in _mentioned(placed.body)}
    for name, variable in flow.variables.items():
        if name not in used and not variable.argument:
            yield ("variables", name), f"variable {name!r} is never used", "Remove it"


def _mentioned(body: Node) -> Iterator[str]:
    for assigned in body.assigns():
        yield assigned.variable
    for variable, _, _ in body.fills():
        yield variable
    if type(body) is Subflow:
        yield from body.results
