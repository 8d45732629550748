"""`set`: give variables their values."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from callrouter.flow.frame import Frame
from callrouter.flow.node import Choice, Exit, Node, NodeName, Source, VariableName, Wake


class Set(Node):
    """Give variables their values. All expressions see the values from before."""

    verb: ClassVar[str] = "set"
    example: ClassVar[str] = """
        short_number:
          set:
            values: {number: "dialled.substring(4)"}
            next: which_line
    """

    values: dict[VariableName, Source] = Field(min_length=1, max_length=40)
    """Each variable with a CEL expression for its value."""
    next: NodeName | None = None
    """Where to go afterwards; left out: to a person."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        frame.assign_all({name: frame.evaluate(source) for name, source in self.values.items()})
        return "next"

    def exits(self) -> Iterator[Exit]:
        yield Exit("next", self.next, Choice.SYSTEM, ("next",))

    def fills(self) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
        for name, source in self.values.items():
            yield name, source, ("values", name)
