"""Static checks of a whole folder of flows: everything a change can break, before a caller meets it.

Errors refuse the flows; warnings are for reading. `check_walks` holds the
reasoning about callers (traps, losses, loops), `check_names` about everything a
flow refers to.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from acd.ids import Instant
from callrouter.config.document import Fault
from callrouter.flow.calendar import gap_notices
from callrouter.flow.check_names import Known, check_names, variables_fetched
from callrouter.flow.check_walks import Walks
from callrouter.flow.node import Placed
from callrouter.flow.nodes.hours import Hours
from callrouter.flow.nodes.menu import Menu
from callrouter.flow.program import DEFAULT_QUEUE, Flow
from callrouter.flow.reading import Reading, no_collection

GREETING_LIMIT: Final = 8.0
"""Seconds; a human-first greeting is no longer (GB/T 33358-2016 asks for a person within 15 s)."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What `check` has found, each list in file order."""

    errors: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


@no_collection()
def check(
    reading: Reading, known: Known | None = None, now: Instant | None = None, *, audio: bool = True
) -> Findings:
    """All checks. `known` names what exists outside the flows; `now` lets calendar gaps be judged.

    Without `audio` prompts are not asked whether their audio is there and fresh.
    """
    errors: list[Fault] = list(reading.faults)
    warnings: list[Fault] = list(reading.passed_over)
    walks, fetched = Walks(reading.flows), variables_fetched(reading.flows)
    faulty = {fault.file for fault in reading.faults}
    for flow in reading.flows.values():
        for about, found in (
            ("error", walks.faults(flow, draft=flow.file in faulty)),
            ("error", _key_faults(flow)),
            ("warning", walks.notices(flow)),
            ("warning", _greeting_notices(flow, reading)),
        ):
            (errors if about == "error" else warnings).extend(_at(flow, reading, found))
        name_errors, name_warnings = check_names(flow, reading, known or Known(), fetched)
        errors += _at(flow, reading, name_errors)
        warnings += _at(flow, reading, name_warnings)
    if known is not None and known.queues is not None and DEFAULT_QUEUE not in known.queues:
        message = f"there is no queue {DEFAULT_QUEUE!r}, the last resort of every flow"
        errors.append(
            Fault("site/floor.yaml", 0, 0, message, "Add it; it takes callers whom no other queue takes")
        )
    if reading.catalogue is not None and audio:
        errors += reading.catalogue.faults()
        warnings += reading.catalogue.notices()
    if now is not None:
        used = calendars_used(reading.flows).union(known.calendars if known is not None else ())
        warnings += _calendar_notices(reading, used, now)
    return Findings(tuple(sorted(set(errors))), tuple(sorted(set(warnings))))


Remark = tuple[tuple[str | int, ...], str, str]
"""(path in the document, message, hint)."""


def _at(flow: Flow, reading: Reading, remarks: Iterable[Remark]) -> list[Fault]:
    document = reading.documents[flow.id]
    return [document.fault(path, message, hint, key=True) for path, message, hint in remarks]


def _key_faults(flow: Flow) -> Iterable[Remark]:
    for placed in flow.nodes.values():
        if type(placed.body) is Menu:
            yield from _menu_faults(flow, placed, placed.body)


def _menu_faults(flow: Flow, placed: Placed, menu: Menu) -> Iterable[Remark]:
    for key in menu.keys:
        path = (*placed.path, "keys", key)
        if longer := [other for other in menu.keys if other != key and other.startswith(key)]:
            message = f"key {key} is also the beginning of {longer[0]}"
            yield (
                path,
                message,
                f"Callers who press {key} would wait {menu.between:g} s: choose distinct keys",
            )
    if menu.repeat is not None and (taken := [key for key in menu.keys if key.startswith(menu.repeat)]):
        yield (*placed.path, "repeat"), f"key {menu.repeat} repeats the prompt and begins {taken[0]}", ""
    zero = menu.keys.get("0")
    leads_elsewhere = zero is not None and zero in flow.nodes and not flow.nodes[zero].body.hands_over
    if (leads_elsewhere or menu.repeat == "0") and not menu.no_person_key:
        path = (*placed.path, "keys", "0") if leads_elsewhere else (*placed.path, "repeat")
        yield path, "`0` must lead to a person", "Use another key, or say why not in `no_person_key`"


def _greeting_notices(flow: Flow, reading: Reading) -> Iterable[Remark]:
    catalogue = reading.catalogue
    if flow.subflow or catalogue is None or flow.start not in flow.nodes:
        return
    placed = flow.nodes[flow.start]
    first = next(iter(placed.body.said()), None)
    if first is None:
        return
    seconds = 0.0
    for item in first[0]:
        if isinstance(item, str):
            seconds += catalogue.seconds(item, flow.languages[0])
        elif item.prompt is not None:
            seconds += catalogue.seconds(item.prompt, item.language or flow.languages[0])
    if seconds > GREETING_LIMIT:
        message = f"the greeting lasts {seconds:.1f} s, longer than {GREETING_LIMIT:g} s"
        yield (*placed.path, *first[1]), message, "Shorten it: a person should be reached within 15 s"


def calendars_used(flows: Mapping[str, Flow]) -> frozenset[str]:
    """The calendars that `hours` nodes ask."""
    bodies = [placed.body for flow in flows.values() for placed in flow.nodes.values()]
    return frozenset(body.calendar for body in bodies if isinstance(body, Hours))


def _calendar_notices(reading: Reading, used: Collection[str], now: Instant) -> Iterable[Fault]:
    for name, calendar in reading.calendars.items():
        for message, hint in gap_notices(name, calendar, now) if name in used else ():
            yield reading.calendar_documents[name].fault(["calendars", name], message, hint, key=True)
