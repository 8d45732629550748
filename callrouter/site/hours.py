"""Opening hours of queues: calendars worked out into the intervals that the floor knows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from acd.ids import Instant, QueueId
from acd.plan import ALWAYS, FloorPlan, OpenIntervals
from callrouter.flow.calendar import Calendar

DAYS_AHEAD: Final = 800
"""Worked out at each start and each edit; beyond them queues are open: no gap may stop a call."""


def with_hours(
    plan: FloorPlan, hours: Mapping[QueueId, str], calendars: Mapping[str, Calendar], now: Instant
) -> FloorPlan:
    """The plan with opening hours; `hours` names the calendar of each queue that is not always open.

    A calendar that does not exist is left out: `callrouter check` refuses it.
    """
    until = now + (DAYS_AHEAD - 1) * 86_400.0
    opened = {
        name: OpenIntervals(calendars[name].intervals(now, DAYS_AHEAD), until)
        for name in set(hours.values())
        if name in calendars
    }
    return replace(
        plan,
        queues=tuple(
            replace(queue, hours=opened.get(hours.get(queue.queue, ""), ALWAYS)) for queue in plan.queues
        ),
    )
