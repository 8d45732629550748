"""What a folder of flow files holds, sound parts and faults."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from callrouter.config.document import Document, Fault
from callrouter.flow.calendar import Calendar
from callrouter.flow.program import Flow
from callrouter.flow.prompts import Catalogue


@dataclass(frozen=True, slots=True)
class Reading:
    """Flows and calendars, where each is written, and every fault found on the way.

    With faults the flows are drafts: parts may be missing, good for further
    checks only.
    """

    flows: Mapping[str, Flow]
    documents: Mapping[str, Document]
    """By flow id."""
    catalogue: Catalogue | None
    calendars: Mapping[str, Calendar]
    calendar_documents: Mapping[str, Document]
    """By calendar id."""
    faults: tuple[Fault, ...]
    digest: str
    passed_over: tuple[Fault, ...] = ()
    """Files that look as if they were meant to be read."""


@contextmanager
def no_collection() -> Iterator[None]:
    """Of many small objects that all stay the cycle collector would only make work."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
