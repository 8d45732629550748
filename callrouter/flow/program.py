"""Flows ready to run: immutable, with the digest of everything they were made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, Protocol

from pydantic import Field

from callrouter.flow.calendar import Calendar
from callrouter.flow.expression import Expression
from callrouter.flow.node import NAME, NodeName, Part, Placed, VariableName

BUILT_IN: Mapping[str, str] = {
    "call_id": "string",
    "caller": "string",
    "dialled": "string",
    "organisation": "string",
    "trunk": "string",
    "language": "string",
    "date": "string",
    "weekday": "int",
    "hour": "int",
    "minute": "int",
    "outcome": "string",
    "answer": "any",
}
"""Names that every flow may read: facts of the call, local time (Asia/Shanghai), how the last
queue or transfer ended (`outcome`), the last look-up's result (`answer`)."""


DEFAULT_QUEUE: Final = "province"
"""Where callers go when even their flow's person cannot be reached: the last resort."""


class Voice(Protocol):
    """Speech by prompt id and by value. An empty tuple means that no recording exists."""

    def media(self, prompt: str, language: str) -> tuple[str, ...]: ...

    def spoken(self, kind: str, value: object, language: str) -> tuple[str, ...]:
        """`kind` is one of `callrouter.flow.node.SPOKEN`; a value that cannot be spoken gives ``()``."""


class Variable(Part):
    """A declared variable."""

    type: Literal["string", "int", "double", "bool", "list", "map"]
    default: str | int | float | bool | list[object] | dict[str, object] | None = None
    """Value at the start; without it: "", 0, 0.0, false, empty."""
    argument: bool = False
    """A subflow's caller gives the value."""
    secret: bool = False
    """Never shown in traces."""


class FlowModel(Part):
    """A flow file."""

    flow: str = Field(pattern=NAME)
    """The flow's id; the file is named after it."""
    title: str = Field(default="", max_length=200)
    """What the flow is for, in a line."""
    languages: tuple[str, ...] = Field(default=("zh",), min_length=1, max_length=8)
    """Languages that callers may choose here; the first is the flow's own."""
    person: NodeName | None = None
    """The queue node that `0`, mistakes and failures lead to. Every flow but a subflow has one."""
    subflow: bool = False
    """Called by other flows; ends with `return`."""
    start: NodeName
    """The first node."""
    variables: dict[VariableName, Variable] = Field(default_factory=dict, max_length=60)
    """Declared variables."""
    nodes: dict[Annotated[str, Field(pattern=NAME)], dict[str, object]] = Field(min_length=1, max_length=500)
    """The nodes, each with exactly one verb, and a `note` for colleagues if you like."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One checked flow."""

    id: str
    title: str
    file: str
    languages: tuple[str, ...]
    person: str | None
    subflow: bool
    start: str
    nodes: Mapping[str, Placed]
    variables: Mapping[str, Variable]
    defaults: Mapping[str, object]
    secret: frozenset[str]
    expressions: Mapping[str, Expression]


@dataclass(frozen=True, slots=True)
class FlowSet:
    """All flows of a folder with their voice, under one version (digest of the content)."""

    flows: Mapping[str, Flow]
    voice: Voice
    version: str
    default_queue: str = DEFAULT_QUEUE
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
