from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from acd.ids import OrgId, SeatId
from callrouter.feed import messages, topics
from callrouter.feed.messages import TYPES, published, queue_live, schema, seat_live
from callrouter.mail import RejectedMessage
from callrouter.ports import AuditEntry
from tests.store.samples import T0, record
from tests.web.fakes import queue_view, seat_view

NUMBER = "13812345678"


def decoded(payload: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(payload)
    return found


def test_a_finished_call_is_told_once_with_its_transfers() -> None:
    found = list(published(record()))
    assert [(one.id, one.topic) for one in found] == [
        ("c1/ended", "calls/qinghai"),
        ("c1/transfer/1", "transfers/qinghai"),
        ("c1/transfer/1/line", "lines/12315/transfers"),
    ]
    call = decoded(found[0].payload)
    assert (call["type"], call["version"], call["data"]["caller"]) == ("call_ended", 1, "138****5678")
    assert (call["data"]["talk"], call["data"]["hold"], call["data"]["transfers"]) == (72.5, 12.0, 1)
    assert decoded(found[1].payload)["data"]["target"] == "12315"


def test_a_telephone_number_reaches_neither_payload_nor_topic() -> None:
    transfer = replace(record().transfers[0], target=NUMBER)
    found = list(published(record(transfers=(transfer,))))
    assert [one.topic for one in found] == ["calls/qinghai", "transfers/qinghai"]
    assert all(NUMBER.encode() not in one.payload for one in found)


def test_what_partners_told_is_not_told_again() -> None:
    assert list(published(record(node="feed/12315"))) == []
    assert list(published(AuditEntry(id="1", at=T0, who="", action="", subject=""))) == []


def test_a_rejected_message_goes_back_with_its_reason() -> None:
    rejected = RejectedMessage(
        id="dead/1",
        received=T0,
        partner="12315",
        topic="t",
        reason="`ended` is missing",
        payload=b"\xff" * 20_000,
    )
    (found,) = published(rejected)
    data = decoded(found.payload)["data"]
    assert (found.topic, data["reason"]) == ("dead-letter/12315", "`ended` is missing")
    assert len(data["payload"]) == messages.DEAD_LETTER_BYTES


@pytest.mark.parametrize("name", TYPES)
def test_every_type_has_a_schema_that_describes_its_fields(name: str) -> None:
    found = schema(name)
    assert found["$schema"].endswith("2020-12/schema")
    assert found["$defs"]


def test_live_views_fit_their_types() -> None:
    for kind, data in (("queue", queue_live(queue_view())), ("seat", seat_live(seat_view("s1")))):
        payload = messages.encode(kind, "x", T0, data)
        assert msgspec.json.decode(payload, type=TYPES[kind]).data == data


@given(st.text(max_size=80))
def test_any_name_is_one_level(name: str) -> None:
    for topic in (topics.live("seats", name), topics.calls(name), topics.dead_letter(name)):
        levels = topic.split("/")
        assert len(levels) == (3 if topic.startswith("live") else 2)
        assert all(levels)
        assert not set(topic) & set("+#\0 ")


@pytest.mark.parametrize(("target", "topic"), [("110", "lines/110/transfers"), (NUMBER, None), ("s1", None)])
def test_only_services_have_topics_of_their_own(target: str, topic: str | None) -> None:
    assert topics.line_transfers(target) == topic


def test_ids_are_the_same_for_the_same_event() -> None:
    first, again = (
        list(published(record(organisation=OrgId("x"), first_seat=SeatId("s")))) for _ in range(2)
    )
    assert first == again
