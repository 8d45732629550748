"""The nodes that a call has passed, for its record: when, by which branch, and what they changed."""

from dataclasses import dataclass
from typing import Final

from acd.ids import Instant
from acd.record import FlowStep
from callrouter.flow.frame import Frame
from callrouter.flow.program import Flow

MAX_TRACE: Final = 1_000
"""Steps kept between two takings."""


@dataclass(slots=True)
class _Step:
    at: Instant
    flow: str
    node: str
    line: int
    branch: str = ""
    changes: dict[str, object] | None = None


class Trace:
    """Steps of the session whose `frame` it is, since they were last taken."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._steps: list[_Step] = []
        self._closed = True
        """The latest step has its branch."""

    def open(self, flow: Flow, node: str, line: int) -> None:
        """The caller has come to a node."""
        if len(self._steps) < MAX_TRACE:
            self._steps.append(_Step(self._frame.now, flow.id, node, line))
            self._closed = False
        self._frame.changes = None

    def close(self, branch: str) -> None:
        """The caller leaves the node by this branch."""
        frame = self._frame
        if self._closed:
            self.open(frame.flow, frame.at.name, frame.at.line)
        if not self._closed:
            step = self._steps[-1]
            step.branch, step.changes = branch, frame.changes
            self._closed = True
        frame.changes = None

    def close_return(self) -> None:
        """A subflow is over: its `return` and the node that it returns to are two steps."""
        frame = self._frame
        frame.came_back = False
        results, frame.changes = frame.changes, None
        self.close("return")
        self.open(frame.flow, frame.at.name, frame.at.line)
        frame.changes = results

    def take(self, *, final: bool = False) -> list[FlowStep]:
        """Nodes passed since the last time; with `final` (the caller is gone) the present one, too."""
        steps = [
            FlowStep(
                at=s.at, flow=s.flow, node=s.node, line=s.line, branch=s.branch, variables=s.changes or {}
            )
            for s in (self._steps if self._closed else self._steps[:-1])
        ]
        present = self.present()
        if present is None:
            self._steps.clear()
        elif final:
            steps.append(present)
            self._steps.clear()
            self._closed = True
        else:
            del self._steps[:-1]
        return steps

    def present(self) -> FlowStep | None:
        """The node that the caller is at, without a branch yet; None when handed over or over."""
        if self._closed:
            return None
        step = self._steps[-1]
        changes = dict(self._frame.changes or {})
        return FlowStep(at=step.at, flow=step.flow, node=step.node, line=step.line, variables=changes)
