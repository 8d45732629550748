"""A floor with a witness: all that it is asked and decides, in the order in which it happens."""

from collections.abc import Callable, Sequence

from acd.commands import FloorOutput
from acd.events import FloorEvent
from acd.floor import Floor
from acd.floor.snapshot import FloorSnapshot
from acd.ids import Instant
from acd.plan import FloorPlan

Asked = FloorEvent | FloorPlan | None
"""What the floor was given: an event, a plan to work by from now on, or None for a tick."""

FloorWatch = Callable[[Asked, Instant, Sequence[FloorOutput] | Exception, Callable[[], FloorSnapshot]], None]
"""Told what was given, when, the answer (or what was raised), and how to get a snapshot of what it led to.

Must be quick and never raise.
"""


class WatchedFloor(Floor):
    """`acd.floor.Floor` that tells a watch before its caller acts on the answer."""

    def __init__(self, plan: FloorPlan, now: Instant, watch: FloorWatch) -> None:
        super().__init__(plan, now)
        self._watch = watch
        watch(plan, now, (), self.snapshot)

    def handle(self, event: FloorEvent, now: Instant) -> list[FloorOutput]:
        try:
            outputs = super().handle(event, now)
        except Exception as error:
            self._watch(event, now, error, self.snapshot)
            raise
        self._watch(event, now, outputs, self.snapshot)
        return outputs

    def tick(self, now: Instant) -> list[FloorOutput]:
        try:
            outputs = super().tick(now)
        except Exception as error:
            self._watch(None, now, error, self.snapshot)
            raise
        self._watch(None, now, outputs, self.snapshot)
        return outputs

    def change_plan(self, plan: FloorPlan, now: Instant) -> list[FloorOutput]:
        try:
            outputs = super().change_plan(plan, now)
        except Exception as error:
            self._watch(plan, now, error, self.snapshot)
            raise
        self._watch(plan, now, outputs, self.snapshot)
        return outputs
