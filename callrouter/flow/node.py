"""What every verb has in common: its place in YAML, its exits, and what the checker may ask of it.

A verb is a model (its YAML keys) and a step: `step(frame, signal) -> branch`.
The branch is a label among `exits()`; None means: stay. What the interpreter
follows and what the checker walks are thus the same table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from callrouter.flow.actions import FlowEvent

if TYPE_CHECKING:
    from callrouter.flow.frame import Frame

NAME: Final = "^[A-Za-z_一-鿿][A-Za-z0-9_一-鿿-]{0,47}$"
"""Flows and nodes may have Chinese names. Written out, for editors whose `\\w` is ASCII."""

NodeName = Annotated[str, Field(pattern=NAME, json_schema_extra={"x-node": True})]
Source = Annotated[str, Field(min_length=1, max_length=2000, json_schema_extra={"x-expression": True})]
Pause = Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)]


class Signal(Enum):
    """What wakes a step besides the events of `callrouter.flow.actions`."""

    ENTER = "enter"
    DIGIT = "digit"
    """At least one key is in the type-ahead buffer."""
    TIMEOUT = "timeout"


Wake = Signal | FlowEvent


class Choice(Enum):
    """Who decides that an exit is taken: what the checker needs to know to find traps."""

    CALLER = "caller"
    """The caller presses a key on purpose."""
    MISTAKE = "mistake"
    """Silence or wrong keys."""
    SYSTEM = "system"
    """Data, time of day, or the node is simply done."""
    FAILURE = "failure"


class Exit(NamedTuple):
    """One way on. A target of None leads to the flow's person."""

    label: str
    target: str | None
    choice: Choice
    path: tuple[str | int, ...] = ()
    """Where in the node's YAML it is written."""
    served: bool = False
    """The caller has spoken to a person, or left a callback or message, when this exit is taken."""


VariableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Typed(NamedTuple):
    """An expression with the type it must have (``""``: any)."""

    source: str
    kind: str
    path: tuple[str | int, ...]


class Assigned(NamedTuple):
    """A variable that the node fills with a value of type `kind`."""

    variable: str
    kind: str
    path: tuple[str | int, ...]


class Part(BaseModel):
    """Base of every model in a flow file: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Say(Part):
    """One piece of speech: a prompt of the catalogue, or a value spoken aloud."""

    prompt: str | None = None
    """Id of a prompt in the catalogue."""
    number: Source | None = None
    """A number, spoken as a quantity."""
    digits: Source | None = None
    """A text spoken digit by digit."""
    telephone: Source | None = None
    """A telephone number, spoken in groups."""
    date: Source | None = None
    """A text such as 2027-02-17, spoken as a date."""
    weekday: Source | None = None
    """A text such as 2027-02-17, spoken as a day of the week."""
    time: Source | None = None
    """A text such as 18:30, spoken as a time of day."""
    money: Source | None = None
    """An amount in yuan: a number, or a text such as 12.50."""
    duration: Source | None = None
    """A number of seconds, spoken as hours and minutes."""
    language: str | None = None
    """Speak this piece in this language; it is left out while no recording exists."""

    @model_validator(mode="after")
    def _one_kind(self) -> "Say":
        given = [name for name in SPOKEN if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"say exactly one of {', '.join(SPOKEN)}. Here are {len(given)}")
        return self

    @property
    def spoken(self) -> tuple[str, str]:
        """(kind, prompt id or expression)."""
        for name in SPOKEN:
            value: str | None = getattr(self, name)
            if value is not None:
                return name, value
        raise AssertionError("validated above")


SPOKEN: Final = (
    "prompt", "number", "digits", "telephone", "date", "weekday", "time", "money", "duration",
)  # fmt: skip


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | int | float | dict) else value


Prompts = Annotated[
    tuple[str | Say, ...],
    BeforeValidator(_as_list, json_schema_input_type=str | Say | tuple[str | Say, ...]),
    Field(max_length=40, json_schema_extra={"x-prompts": True}),
]


class Node(Part):
    """Base of the verbs."""

    verb: ClassVar[str]
    example: ClassVar[str]
    """A node as it would be written; it stands on the verb's page."""
    ends: ClassVar[bool] = False
    """The call, or the subflow, ends here."""
    hands_over: ClassVar[bool] = False
    """The caller is led to a person; `Returned` brings them back."""
    listens: ClassVar[bool] = False
    """Keys reach this node while it is active."""
    awaits_person: ClassVar[bool] = False
    """The caller waits for a person here: who comes round again through such a node is not trapped."""

    def step(self, frame: "Frame", signal: "Wake") -> str | None:
        """React to `signal`; the branch to leave by, or None to stay. Raises EvaluationError."""
        raise NotImplementedError

    def zero_is_person(self) -> bool:
        """Whether `0`, pressed first, leads to a person at once."""
        return False

    def exits(self) -> Iterator[Exit]:
        """Every branch that `step` may return."""
        yield from ()

    def said(self) -> Iterator[tuple[tuple[str | Say, ...], tuple[str | int, ...]]]:
        """Lists of prompts, each with its place."""
        yield from ()

    def expressions(self) -> Iterator[Typed]:
        """Expressions besides those in prompts."""
        yield from ()

    def assigns(self) -> Iterator[Assigned]:
        """Variables filled with a value of a known type."""
        yield from ()

    def fills(self) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
        """Variables filled from an expression: (variable, source, place)."""
        yield from ()


class Listening(Node):
    """A node during which `0` leads to a person."""

    listens: ClassVar[bool] = True

    no_person_key: str = Field(default="", max_length=200)
    """Why `0` does not lead to a person here. Leave it out, and `0` does."""

    def takes_zero(self) -> bool:
        """Whether `0` as the first key has a meaning of its own here."""
        return False

    def zero_is_person(self) -> bool:
        return not self.no_person_key and not self.takes_zero()

    def person_exit(self) -> Iterator[Exit]:
        if not self.no_person_key:
            yield Exit(PERSON, None, Choice.CALLER)


PERSON: Final = "person"
"""The branch that `0` takes."""
FAILED: Final = "failed"
"""The branch taken when something went wrong and the node names no way of its own."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A node within a flow, ready to run."""

    name: str
    line: int
    body: Node
    exits: dict[str, str | None]
    path: tuple[str | int, ...] = ()
    note: str = ""
