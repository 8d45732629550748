from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from acd.events import SeatReachable, SeatUnreachable, TrunkReachable, TrunkUnreachable
from acd.ids import SeatId
from callrouter.ami.reachability import MAX_CONTACTS, Contact, Reachability, TrunkReachability

ONE, TWO = SeatId("1001"), SeatId("1002")
SEATS = {"a1001": ONE, "a1002": TWO}


def contact(status: str, endpoint: str = "a1001", uri: str = "sip:a@127.0.0.1") -> Contact:
    return Contact(endpoint, uri, status)


def test_the_first_snapshot_tells_every_seat_and_the_next_only_changes() -> None:
    known = Reachability(SEATS)
    assert known.snapshot([contact("Reachable")]) == [SeatReachable(seat=ONE), SeatUnreachable(seat=TWO)]
    assert known.snapshot([contact("NonQualified", "a1002")]) == [
        SeatUnreachable(seat=ONE),
        SeatReachable(seat=TWO),
    ]
    assert known.snapshot([contact("Created", "a1002")]) == []
    known.forget()
    assert len(known.snapshot([])) == 2


def test_a_phone_that_moves_stays_reachable() -> None:
    known = Reachability(SEATS)
    known.snapshot([contact("Reachable", uri="sip:old")])
    assert known.update(contact("Created", uri="sip:new")) == []
    assert known.update(contact("Removed", uri="sip:old")) == []
    assert known.update(contact("Unreachable", uri="sip:new")) == [SeatUnreachable(seat=ONE)]
    assert known.update(contact("Reachable", uri="sip:new")) == [SeatReachable(seat=ONE)]
    assert known.update(contact("Removed", uri="sip:new")) == [SeatUnreachable(seat=ONE)]


def test_trunks_are_disregarded() -> None:
    known = Reachability(SEATS)
    assert known.update(contact("Reachable", "carrier")) == []
    assert not known.contradicts("carrier", usable=False)


def test_a_trunk_is_told_of_on_change_and_anew_after_a_gap() -> None:
    known = TrunkReachability(["departments"])
    assert known.update(contact("NonQualified", "departments")) == [TrunkReachable(trunk="departments")]
    assert known.update(contact("Unreachable", "departments")) == [TrunkUnreachable(trunk="departments")]
    assert known.update(contact("NonQualified", "departments")) == [], "the address that is only dialled"
    assert known.update(contact("Unreachable", "departments")) == []
    assert known.update(contact("Reachable", "departments")) == [TrunkReachable(trunk="departments")]
    assert known.update(contact("Unreachable", "a1001")) == []
    known.forget()
    assert known.update(contact("Reachable", "departments")) == [TrunkReachable(trunk="departments")]
    known.replace_trunks(["carrier"])
    assert known.update(contact("Unreachable", "departments")) == []


def test_device_state_contradicts_only_what_is_believed_otherwise() -> None:
    known = Reachability(SEATS)
    known.snapshot([contact("Reachable")])
    assert known.contradicts("a1001", usable=False)
    assert not known.contradicts("a1001", usable=True)
    assert known.contradicts("a1002", usable=True)


def test_a_new_plan_of_seats_keeps_what_is_told_of_the_old_ones() -> None:
    known = Reachability(SEATS)
    known.snapshot([contact("Reachable")])
    three = SeatId("1003")
    known.replace_seats({"a1001": ONE, "a1003": three})
    assert known.snapshot([contact("Reachable")]) == [SeatUnreachable(seat=three)]


def test_contacts_of_one_endpoint_are_bounded() -> None:
    known = Reachability(SEATS)
    for number in range(MAX_CONTACTS * 2):
        known.update(contact("Created", uri=f"sip:{number}"))
    for number in range(MAX_CONTACTS):
        known.update(contact("Removed", uri=f"sip:{number}"))
    assert known.update(contact("Removed", uri="sip:never seen")) == []
    assert not known.contradicts("a1001", usable=False)


EVENTS = st.lists(
    st.builds(
        Contact,
        st.sampled_from(["a1001", "a1002", "carrier"]),
        st.sampled_from(["sip:1", "sip:2"]),
        st.sampled_from(["Created", "Reachable", "Unreachable", "Removed", "NonQualified", "Nonsense"]),
    )
)


@given(EVENTS)
def test_facts_alternate_and_end_in_the_truth(events: list[Contact]) -> None:
    known = Reachability(SEATS)
    facts = known.snapshot([])
    live: dict[tuple[str, str], str] = {}
    for event in events:
        facts += known.update(event)
        live[event.endpoint, event.uri] = event.status
    for endpoint, seat in SEATS.items():
        told = [isinstance(fact, SeatReachable) for fact in facts if fact.seat == seat]
        assert all(a != b for a, b in pairwise(told))
        alive = [s for (e, _), s in live.items() if e == endpoint and s not in ("Unreachable", "Removed")]
        assert told[-1] is bool(alive)
