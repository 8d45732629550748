"""The transfer table against design: every pair, and what must hold for all of them."""

import pytest

from acd.transfer import (
    ASKED_BY_PEOPLE,
    LIVE,
    TABLE,
    TERMINAL,
    Row,
    TransferEvent,
    TransferState,
    Verdict,
    step,
)

S, E = TransferState, TransferEvent


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("event", list(E))
def test_every_pair_has_a_row_or_a_verdict(state: S, event: E) -> None:
    verdict = step(state, event)
    if isinstance(verdict, Row):
        assert state in LIVE
    elif event in ASKED_BY_PEOPLE:
        assert verdict is Verdict.REJECT
    else:
        assert verdict is Verdict.IGNORE


def test_terminal_states_never_move() -> None:
    assert not [key for key, row in TABLE.items() if key[0] in TERMINAL and isinstance(row, Row)]


def test_the_customer_is_abandoned_only_by_leaving() -> None:
    causes = {event for (_, event), row in TABLE.items() if isinstance(row, Row) and row.next is S.ABANDONED}
    assert causes == {E.CUSTOMER_LEFT}


def test_from_every_live_state_a_terminal_one_can_be_reached() -> None:
    for state in LIVE:
        seen, todo = set(), {state}
        while todo:
            at = todo.pop()
            seen.add(at)
            todo |= {row.next for (s, _), row in TABLE.items() if s is at and isinstance(row, Row)} - seen
        assert seen & {S.COMPLETED, S.RETURNED, S.REQUEUED}


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        (S.SEEKING, E.TARGET_RESERVED, S.RINGING),
        (S.SEEKING, E.TRANSFEROR_LEFT, S.REQUEUED),
        (S.RINGING, E.TARGET_ANSWERED, S.CONSULTING),
        (S.RINGING, E.TARGET_DECLINED, S.SEEKING),
        (S.RINGING, E.TRANSFEROR_LEFT, S.BLONDE),
        (S.CONSULTING, E.TRANSFEROR_LEFT, S.COMPLETED),
        (S.CONSULTING, E.TARGET_LEFT, S.RETURNED),
        (S.CONSULTING, E.SWAP, S.CONSULTING),
        (S.CONFERENCE, E.TRANSFEROR_LEFT, S.COMPLETED),
        (S.BLONDE, E.RING_EXPIRED, S.REQUEUED),
        (S.BLONDE, E.CUSTOMER_LEFT, S.ABANDONED),
    ],
)
def test_rows_of_the_design(state: S, event: E, after: S) -> None:
    row = step(state, event)
    assert isinstance(row, Row)
    assert row.next is after
