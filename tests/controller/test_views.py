"""What screens are shown follows from the site and the router."""

from callrouter.controller import views
from callrouter.router import Router
from tests.router.world import site

NOW = 1_795_417_000.0


def test_a_seat_belongs_to_the_organisation_that_the_floor_file_names() -> None:
    snapshot = views.snapshot(Router(site(), NOW), NOW)
    found = {seat.seat: seat.organisation for seat in snapshot.seats}
    assert found == {seat: plan.organisation for seat, plan in site().seats.items()}
    assert len(set(found.values())) > 1
