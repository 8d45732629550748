"""A deadline that has come is done with, however its instant rounds."""

import random

from acd.events import Enqueued
from acd.floor import Floor
from acd.ids import CallId, QueueId
from acd.plan import FloorPlan, OverflowRung, QueuePlan, RelaxationStep


def test_relaxation_and_overflow_never_come_due_twice() -> None:
    queue, other = QueueId("q"), QueueId("o")
    plan = FloorPlan(
        seats=(),
        queues=(
            QueuePlan(
                queue=queue,
                relaxation=(RelaxationStep(after=20.0, lower=1),),
                overflow=(OverflowRung(queue=other, after=20.0),),
            ),
            QueuePlan(queue=other),
        ),
    )
    chance = random.Random(1)
    for number in range(3000):
        now = 1000.0 * chance.random()
        floor = Floor(plan, now)
        floor.handle(Enqueued(call=CallId(str(number)), queue=queue, skills="a >= 3"), now)
        due = floor.next_deadline()
        for _ in range(4):
            assert due is not None
            floor.tick(due)
            later = floor.next_deadline()
            assert later is None or later > due
            due = later
