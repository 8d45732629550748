"""`hours`: choose the way by a calendar."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from callrouter.flow.frame import Frame
from callrouter.flow.node import Choice, Exit, Node, NodeName, Wake


class Hours(Node):
    """Choose the way by a calendar. A fault in the calendar never stops a call: it goes to a person."""

    verb: ClassVar[str] = "hours"
    example: ClassVar[str] = """
        open_now:
          hours:
            calendar: office
            open: specialist
            closed: line_closed
            holiday: holiday_notice
    """

    calendar: str = Field(min_length=1, max_length=64)
    """A calendar of `site/calendar*.yaml`."""
    open: NodeName
    """Where to go within the opening hours."""
    closed: NodeName
    """Where to go outside them."""
    holiday: NodeName | None = None
    """Where to go when closed for a holiday; left out: like `closed`."""
    days: dict[str, NodeName] = Field(default_factory=dict, max_length=40)
    """Where to go on special days of the calendar, by their name, open or not."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        calendar = frame.flows.calendars.get(self.calendar)
        if calendar is None:
            return "fault"
        moment = calendar.at(frame.now)
        if moment.day in self.days:
            return f"day {moment.day}"
        if moment.open:
            return "open"
        return "holiday" if moment.holiday and self.holiday is not None else "closed"

    def exits(self) -> Iterator[Exit]:
        yield Exit("open", self.open, Choice.SYSTEM, ("open",))
        yield Exit("closed", self.closed, Choice.SYSTEM, ("closed",))
        if self.holiday is not None:
            yield Exit("holiday", self.holiday, Choice.SYSTEM, ("holiday",))
        for day, target in self.days.items():
            yield Exit(f"day {day}", target, Choice.SYSTEM, ("days", day))
        yield Exit("fault", None, Choice.FAILURE)
