import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.commands import OfferClosed
from acd.events import OfferAnswered
from acd.record import CallRecord
from callrouter.ports import AuditEntry
from callrouter.store import entries
from tests.acd.floors import S1, enqueue, offers, ready, small_floor
from tests.store.samples import T0, record

SENT = st.text(max_size=20)


def test_a_record_survives_the_disk_exactly() -> None:
    whole = record(at=T0 + 0.1)
    assert entries.decode(entries.encode(whole)) == whole


@given(SENT, SENT)
def test_an_audit_entry_survives_the_disk(who: str, subject: str) -> None:
    entry = AuditEntry(id="1", at=T0, who=who, action="read_call", subject=subject)
    assert entries.decode(entries.encode(entry)) == entry


def test_lone_surrogates_do_not_stop_a_record() -> None:
    found = entries.decode(entries.encode(record(caller="\ud83d")))
    assert isinstance(found, CallRecord)
    assert found.caller == "?"


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b'{"kind":"other","entry":{}}', b'{"kind":"call","entry":{"call":1}}']
)
def test_what_is_not_an_entry_is_refused(payload: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, entries.UnknownKind)):
        entries.decode(payload)


def test_an_offer_survives_the_disk_with_its_explanation() -> None:
    """A floor's explanation is no `dict`; while the database is away it goes to disk and must come back."""
    floor = small_floor(1)
    ready(floor, S1)
    (offer,) = offers(enqueue(floor, 1, 10.0))
    outputs = floor.handle(OfferAnswered(offer=offer.offer), 13.0)
    (closed,) = (output for output in outputs if isinstance(output, OfferClosed))
    again = entries.decode(entries.encode(closed))
    assert isinstance(again, OfferClosed)
    assert again.explanation == dict(closed.explanation)
    assert again.explanation["trigger"] == "arrival"
