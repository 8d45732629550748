"""`subflow`: go through another flow and come back."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from callrouter.flow.frame import JUMPED, Frame
from callrouter.flow.node import NAME, Choice, Exit, Node, NodeName, Source, Typed, VariableName, Wake


class Subflow(Node):
    """Go through another flow and come back with its results."""

    verb: ClassVar[str] = "subflow"
    example: ClassVar[str] = """
        progress:
          subflow:
            flow: order_progress
            next: goodbye
            ways: {person: seat}
    """

    flow: str = Field(pattern=NAME)
    """The subflow's id."""
    arguments: dict[VariableName, Source] = Field(default_factory=dict, max_length=40)
    """Values for the subflow's variables that are marked `argument: true`."""
    results: dict[VariableName, VariableName] = Field(default_factory=dict, max_length=40)
    """Variables here that take the value of a variable of the subflow when it returns."""
    next: NodeName | None = None
    """Where to go when it returns; left out: to a person."""
    ways: dict[str, NodeName] = Field(default_factory=dict, max_length=40)
    """Where to go when it returns `as` a certain word."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        values = {name: frame.evaluate(source) for name, source in self.arguments.items()}
        frame.call(frame.flows.flows[self.flow], values)
        return JUMPED

    def exits(self) -> Iterator[Exit]:
        yield Exit("next", self.next, Choice.SYSTEM, ("next",))
        for way, target in self.ways.items():
            yield Exit(f"as {way}", target, Choice.SYSTEM, ("ways", way))

    def expressions(self) -> Iterator[Typed]:
        for name, source in self.arguments.items():
            yield Typed(source, "", ("arguments", name))
