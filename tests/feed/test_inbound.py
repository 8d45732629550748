from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acd.aftercall import WorkOrder
from acd.ids import OrgId
from acd.record import CallRecord
from acd.service_level import call_tally
from callrouter.feed.inbound import LARGEST, Bad, take

T0 = 1_795_000_000.0
CALLS = "callrouter/v1/in/12315/calls"
ORDERS = "callrouter/v1/in/12315/work-orders"


class Known:
    """12315 alone is a partner, and 12333 is a line of somebody else."""

    def organisation(self, partner: str) -> OrgId | None:
        return OrgId(partner) if partner == "12315" else None

    def answers(self, partner: str, line: str) -> bool:
        return line != "12333"


partners = Known()


def call(**changes: Any) -> dict[str, Any]:
    data = {
        "line": "12315",
        "started": T0 - 100,
        "enqueued": T0 - 96,
        "answered": T0 - 90,
        "ended": T0 - 10,
        "outcome": "answered",
        "caller": "138****5678",
    }
    return {"id": "m1", "type": "call", "version": 1, "at": T0, "data": {**data, **changes}}


def order(**changes: Any) -> dict[str, Any]:
    data = {"order": "w1", "state": "dispatched", "created": T0 - 900, "updated": T0 - 5}
    return {"id": "m2", "type": "work_order", "version": 1, "at": T0, "data": {**data, **changes}}


def taken(topic: str, message: object) -> CallRecord | WorkOrder:
    payload = message if isinstance(message, bytes) else msgspec.json.encode(message)
    return take(topic, payload, partners, T0)


def test_a_partners_call_counts_like_ours() -> None:
    record = taken(CALLS, call())
    assert isinstance(record, CallRecord)
    assert (record.call, record.organisation, record.dialled) == ("12315/m1", "12315", "12315")
    tally = call_tally(record)
    assert (tally.offered, tally.answered, tally.answered_in_target, tally.to_human) == (1, 1, 1, 10_000_000)
    lengths = [(part.activity.value, part.ended - part.started) for part in record.segments]
    assert lengths == [("flow", 4), ("queue", 6), ("talk", 80)]


def test_an_abandoned_call() -> None:
    record = taken(CALLS, call(answered=None, outcome="abandoned_queue"))
    assert isinstance(record, CallRecord)
    assert call_tally(record).abandoned_queue == 1
    assert [part.activity.value for part in record.segments] == ["flow", "queue"]


def test_a_work_order() -> None:
    found = taken(ORDERS, order(grade=5, topic="退款"))
    assert isinstance(found, WorkOrder)
    assert (found.source, found.order, found.state, found.grade) == ("12315", "w1", "dispatched", 5)


@pytest.mark.parametrize(
    ("topic", "message", "reason"),
    [
        ("callrouter/v1/in/99999/calls", call(), "not a partner"),
        ("callrouter/v1/calls/x", call(), "'' is not a partner"),
        ("x", call(), "'' is not a partner"),
        ("callrouter/v1/in/12315/workorders", order(), "publish to in/12315/calls or in/12315/work-orders"),
        ("callrouter/v1/in/12315/calls/x", call(), "nobody reads 'calls/x'"),
        ("callrouter/v1/in/12315", call(), "nobody reads ''"),
        (CALLS, call(line="12333"), "12333 is another's"),
        (CALLS, b"", "truncated"),
        (CALLS, b"nonsense", "malformed"),
        (CALLS, b"[]", "Expected `object`"),
        (CALLS, b"\xff\xfe", "malformed"),
        (CALLS, b" " * (LARGEST + 1), "bytes"),
        (CALLS, {**call(), "version": 2}, "version 2 is not known"),
        (CALLS, order(), "does not belong"),
        (ORDERS, call(), "does not belong"),
        (CALLS, {**call(), "id": ""}, "length >= 1"),
        (CALLS, call(colour="red"), "colour"),
        (CALLS, call(ended=None), "ended"),
        (CALLS, call(ended=T0 - 95), "`ended` lies before `answered`"),
        (CALLS, call(ended=T0 + 7200), "in the future"),
        (CALLS, call(started=-1), ">= 0"),
        (CALLS, call(answered=None), "if and only if"),
        (CALLS, call(outcome="happy"), "happy"),
        (
            CALLS,
            call(outcome="abandoned_queue", answered=None, enqueued=None),
            "without `enqueued`",
        ),
        (CALLS, call(outcome="abandoned_ringing", answered=None, enqueued=None), "or abandoned_flow for"),
        (CALLS, call(caller="'; DROP"), "matching regex"),
        (CALLS, call(started=T0 - 93 * 86400), "more than 92 days back"),
        (ORDERS, order(updated=T0 - 1000), "`updated` lies before `created`"),
        (ORDERS, order(grade=6), "<= 5"),
        (ORDERS, order(state="lost"), "lost"),
    ],
)
def test_bad_messages_say_why(topic: str, message: object, reason: str) -> None:
    with pytest.raises(Bad, match=reason):
        taken(topic, message)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"type":"call","version":1,"data":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "nested too deeply"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        ('{"type":"caf\xe9"}'.encode("latin-1"), "not UTF-8"),
        ('{"type":"call"}'.encode("utf-16"), "malformed"),
        (b"\0" * 100, "malformed"),
        (b"", "truncated"),
        (b"x" * 70_000, "65536 are allowed"),
        (b'{"type":"call","version":1,"id":"a","at":NaN,"data":{}}', "malformed"),
        (b'{"type":"call","version":' + b"9" * 5000 + b"}", "out of range"),
        (b'{"type":"call","version":1,"id":"a","at":1e400,"data":{}}', "out of range"),
    ],
)
def test_hostile_messages_are_refused_with_a_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(Bad, match=reason):
        take(CALLS, payload, partners, T0)


# How long a draw takes is the machine's affair.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused(payload: bytes) -> None:
    for topic in (CALLS, ORDERS):
        with pytest.raises(Bad):
            taken(topic, payload)


_SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=30)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(list(call()["data"])), _SCALARS))
def test_any_values_are_taken_or_refused(changes: dict[str, Any]) -> None:
    try:
        record = taken(CALLS, msgspec.json.encode(call(**changes)))
    except Bad:
        return
    assert isinstance(record, CallRecord)
    assert all(part.started < part.ended for part in record.segments)
