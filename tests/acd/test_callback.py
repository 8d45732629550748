from acd.callback import CLOSED, DIALLING, PAUSED, TRANSITIONS, WAITING, Departed, MissedCall
from acd.ids import CallId, QueueId

STATES = (WAITING, DIALLING, PAUSED, CLOSED)
Q = QueueId("q")


def missed(number: int, identity: str = "", left: float = 0.0) -> MissedCall:
    return MissedCall(
        call=CallId(f"c{number}"),
        queue=Q,
        identity=identity,
        skills="",
        priority=5,
        key=0.0,
        enqueued=0.0,
        left=left,
    )


def test_table_is_total_and_closed_is_final() -> None:
    for trigger, row in TRANSITIONS.items():
        assert tuple(row) == STATES, trigger
        assert row[CLOSED] is None


def test_every_state_but_the_last_leads_to_an_outcome() -> None:
    for state in (WAITING, DIALLING, PAUSED):
        assert any(row[state] == CLOSED for row in TRANSITIONS.values())


def test_departed_are_bounded_and_one_a_person() -> None:
    departed = Departed(3)
    for n in range(5):
        departed.add(missed(n))
    assert [m.call for m in departed.all()] == ["c2", "c3", "c4"]
    departed.add(missed(6, "ann"))
    departed.add(missed(7, "ann"))
    assert [m.call for m in departed.all()] == ["c3", "c4", "c7"]
    assert departed.of_person("ann", Q) == missed(7, "ann")
    assert departed.of_person("", Q) is None
    empty = Departed(0)
    empty.add(missed(1))
    assert empty.all() == ()


def test_place_is_kept_for_a_while_only() -> None:
    departed = Departed(10)
    departed.add(missed(1, "ann", left=100.0))
    assert departed.place("ann", Q, 220.0, 120.0) is not None
    assert departed.place("ann", Q, 220.1, 120.0) is None
    assert departed.place("ann", QueueId("other"), 101.0, 120.0) is None
    departed.expire(100.5)
    assert departed.all() == ()
