"""`switch`: choose the way by what is known."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field, model_validator

from callrouter.flow.frame import Frame
from callrouter.flow.node import Choice, Exit, Node, NodeName, Part, Source, Typed, Wake


class Case(Part):
    """One condition."""

    when: Source
    """A CEL expression that is true or false."""
    next: NodeName
    """Where to go when it is true."""


class Switch(Node):
    """Choose the way by expressions: the first true case, or the value of one expression."""

    verb: ClassVar[str] = "switch"
    example: ClassVar[str] = """
        which_line:
          switch:
            on: dialled
            values: {12369: environment, 12336: land}
            otherwise: seat
    """

    cases: tuple[Case, ...] = Field(default=(), max_length=40)
    """Conditions, tried from the top."""
    on: Source | None = None
    """An expression whose value is looked up in `values`."""
    values: dict[str, NodeName] = Field(default_factory=dict, max_length=100)
    """Where each value of `on` leads."""
    otherwise: NodeName | None = None
    """Where to go when nothing fits; left out: to a person."""

    @model_validator(mode="after")
    def _one_form(self) -> "Switch":
        if bool(self.cases) == bool(self.on is not None or self.values):
            raise ValueError("give either `cases`, or `on` with `values`")
        if (self.on is None) != (not self.values):
            raise ValueError("`on` and `values` belong together. Give both")
        return self

    def step(self, frame: Frame, signal: Wake) -> str | None:
        if self.on is not None:
            value = frame.evaluate(self.on)
            text = str(value).lower() if isinstance(value, bool) else str(value)
            return f"= {text}" if text in self.values else "otherwise"
        for number, case in enumerate(self.cases, 1):
            if frame.evaluate(case.when) is True:
                return f"case {number}"
        return "otherwise"

    def exits(self) -> Iterator[Exit]:
        for number, case in enumerate(self.cases, 1):
            yield Exit(f"case {number}", case.next, Choice.SYSTEM, ("cases", number - 1, "next"))
        for value, target in self.values.items():
            yield Exit(f"= {value}", target, Choice.SYSTEM, ("values", value))
        yield Exit("otherwise", self.otherwise, Choice.SYSTEM, ("otherwise",))

    def expressions(self) -> Iterator[Typed]:
        for number, case in enumerate(self.cases):
            yield Typed(case.when, "bool", ("cases", number, "when"))
        if self.on is not None:
            yield Typed(self.on, "", ("on",))
