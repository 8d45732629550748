from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table

from acd.record import FlowStep
from callrouter.store import rows, schema
from tests.store.samples import T0, record


def named(table: Table, made: rows.Rows) -> list[dict[str, Any]]:
    return [dict(zip(table.columns.keys(), row, strict=True)) for row in made[table]]


@given(st.floats(0, 4e9))
def test_an_instant_survives_to_the_microsecond(instant: float) -> None:
    again = rows.seconds(rows.micros(instant))
    assert abs(again - instant) <= 0.5e-6 + 5e-7
    assert rows.micros(again) == rows.micros(instant)


@given(st.text(max_size=50))
def test_text_becomes_storable_and_only_then_changes(text: str) -> None:
    kept = rows.storable(text)
    kept.encode()
    assert "\x00" not in kept
    assert len(kept) == len(text)


def test_lone_surrogates_and_nul_are_replaced() -> None:
    assert rows.storable("a\x00b\ud800c您") == "a�b�c您"


def test_edges_stay_edges_after_rounding() -> None:
    found = named(schema.segments, rows.call_rows([record(at=T0 + 0.123456789)]))
    caller = [row for row in found if row["track"] == "caller"]
    assert [row["started"] for row in caller[1:]] == [row["ended"] for row in caller[:-1]]


def test_huge_or_strange_variables_are_bounded() -> None:
    huge = FlowStep(at=T0, flow="f", node="n", line=1, variables={"x": "y" * 100_000})
    odd = FlowStep(at=T0, flow="f", node="n", line=1, variables={"x": {1, 2}, "nul": "\x00", "o": object()})
    found = named(schema.flow_steps, rows.call_rows([record(trace=(huge, odd))]))
    assert all(len(row["variables"]) <= rows.VARIABLES_LIMIT for row in found)
    assert "\x00" not in msgspec.json.decode(found[1]["variables"])["nul"]
