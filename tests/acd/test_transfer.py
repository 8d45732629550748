"""The transfer table against one that is written out: every pair, and what must hold for all of them."""

import pytest

from acd.transfer import (
    LIVE,
    TABLE,
    TERMINAL,
    Action,
    Row,
    TransferEvent,
    TransferState,
    step,
)

S, E = TransferState, TransferEvent


# Where each event leads in each state; "!" is told to whoever asked for it, "." is let be.
GRID = """
                   seeking   ringing    consulting  conference  blonde     over
target_reserved    ringing   .          .           .           .          .
seek_expired       returned  .          .           .           .          .
target_answered    .         consulting .           .           completed  .
target_declined    .         seeking    .           .           requeued   .
ring_expired       .         seeking    .           .           requeued   .
target_left        .         seeking    returned    returned    requeued   .
transferor_left    requeued  blonde     completed   completed   .          .
customer_left      abandoned abandoned  abandoned   abandoned   abandoned  .
consult_cancelled  returned  returned   returned    returned    !          !
consult_completed  !         blonde     completed   completed   !          !
three_party        !         !          conference  !           !          !
swap               !         !          consulting  !           !          !
"""
_STATES, *_LINES = [line.split() for line in GRID.split("\n") if line]
CELLS = {
    (column, event): cell for event, *cells in _LINES for column, cell in zip(_STATES, cells, strict=True)
}


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("event", list(E))
def test_every_pair_is_as_it_is_written_here(state: S, event: E) -> None:
    verdict = step(state, event)
    found = verdict.next.value if isinstance(verdict, Row) else {"reject": "!", "ignore": "."}[verdict.value]
    assert found == CELLS["over" if state in TERMINAL else state.value, event.value]


def test_rows_that_lead_to_one_state_do_one_thing_or_say_why() -> None:
    """What is done on the way is told by where it leads, but for these."""
    done: dict[S, set[Action]] = {}
    for row in TABLE.values():
        if isinstance(row, Row):
            done.setdefault(row.next, set()).add(row.action)
    assert done == {
        S.SEEKING: {Action.SEEK_NEXT},
        S.RINGING: {Action.RING_TARGET},
        S.CONSULTING: {Action.CONSULT, Action.SWAP},
        S.CONFERENCE: {Action.CONFERENCE},
        S.BLONDE: {Action.GO_BLONDE},
        S.RETURNED: {Action.RETURN},
        S.COMPLETED: {Action.COMPLETE, Action.CONNECT_BLONDE},
        S.REQUEUED: {Action.REQUEUE},
        S.ABANDONED: {Action.ABANDON},
    }
    assert step(S.CONSULTING, E.SWAP) == Row(S.CONSULTING, Action.SWAP)
    assert step(S.BLONDE, E.TARGET_ANSWERED) == Row(S.COMPLETED, Action.CONNECT_BLONDE)


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
