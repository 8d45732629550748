"""`return`: end a subflow."""

from typing import ClassVar

from pydantic import Field

from callrouter.flow.frame import Frame
from callrouter.flow.node import FAILED, Node, Wake
from callrouter.flow.nodes.subflow import Subflow


class Return(Node):
    """End the subflow: the calling flow goes on."""

    verb: ClassVar[str] = "return"
    ends: ClassVar[bool] = True
    example: ClassVar[str] = """
        not_found:
          return: {as: person}
    """

    way: str = Field(default="", max_length=48, alias="as")
    """A word by which the calling flow chooses its way (`ways:`)."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        values = frame.variables
        caller = frame.give_back()
        frame.came_back = caller is not None
        if caller is None or not isinstance(caller.body, Subflow):
            return FAILED
        frame.assign_all({name: values[theirs] for name, theirs in caller.body.results.items()})
        return f"as {self.way}" if self.way in caller.body.ways else "next"
