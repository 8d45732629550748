"""What screens are shown follows from the site and the router."""

from dataclasses import replace

from acd.ids import QueueId
from acd.plan import OpenIntervals
from callrouter.controller import views
from callrouter.router import Router
from tests.router.world import site

NOW = 1_795_417_000.0


def test_a_seat_belongs_to_the_organisation_that_the_floor_file_names() -> None:
    snapshot = views.snapshot(Router(site(), NOW), NOW)
    found = {seat.seat: seat.organisation for seat in snapshot.seats}
    assert found == {seat: plan.organisation for seat, plan in site().seats.items()}
    assert len(set(found.values())) > 1


def test_a_queue_belongs_to_the_organisation_that_the_floor_file_names() -> None:
    snapshot = views.snapshot(Router(site(), NOW), NOW)
    found = {queue.queue: queue.organisation for queue in snapshot.queues}
    assert found == site().organisations
    assert found[QueueId("xining")] == "xining"


def test_a_queue_shows_whether_it_is_open_and_until_when() -> None:
    plan = site().floor
    hours = OpenIntervals(((NOW - 60, NOW + 60),))
    queues = tuple(replace(q, hours=hours) if q.queue == "specialist" else q for q in plan.queues)
    router = Router(replace(site(), floor=replace(plan, queues=queues)), NOW)
    shown = {
        now: {q.queue: (q.open, q.changes) for q in views.snapshot(router, now).queues}
        for now in (NOW, NOW + 60)
    }
    assert shown[NOW]["specialist"] == (True, NOW + 60)
    assert shown[NOW + 60]["specialist"] == (False, None)
    assert shown[NOW]["province"] == shown[NOW + 60]["province"] == (True, None)
