from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from acd import agenda
from acd.agenda import Agenda


@dataclass
class Subject:
    name: int
    deadline: float | None = None
    ticket: int = 0


def test_order_of_time_then_of_making() -> None:
    book: Agenda[Subject] = Agenda()
    one, two, three = Subject(1), Subject(2), Subject(3)
    book.put(one, 2.0)
    book.put(two, 1.0)
    book.put(three, 1.0)
    assert book.next() == 1.0
    assert [book.due(5.0), book.due(5.0), book.due(5.0), book.due(5.0)] == [two, three, one, None]
    assert one.deadline is None


def test_a_new_appointment_voids_the_old_one() -> None:
    book: Agenda[Subject] = Agenda()
    one = Subject(1)
    book.put(one, 1.0)
    book.put(one, 3.0)
    assert book.due(2.0) is None
    assert book.next() == 3.0
    one.deadline = None
    assert book.next() is None


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 20), st.booleans()), max_size=60),
    st.sampled_from([0, 3, 512]),
)
def test_pages_and_heap_agree_with_a_sorted_list(steps: list[tuple[int, float, bool]], few: int) -> None:
    before, agenda.FEW = agenda.FEW, few
    try:
        book: Agenda[Subject] = Agenda()
        subjects = [Subject(n) for n in range(6)]
        now = 0.0
        for which, delay, drain in steps:
            book.put(subjects[which], now + delay)
            expected = min(s.deadline for s in subjects if s.deadline is not None)
            assert book.next() == expected
            if drain:
                now += delay / 2
                while (found := book.due(now)) is not None:
                    assert found.deadline is None
                assert all(s.deadline is None or s.deadline > now for s in subjects)
    finally:
        agenda.FEW = before


def test_looking_changes_nothing() -> None:
    """An appointment made again for the same time stands behind others made meanwhile, looked at or not."""
    for look in (False, True):
        book: Agenda[Subject] = Agenda()
        one, two = Subject(1), Subject(2)
        book.put(one, 5.0)
        one.deadline = None
        if look:
            assert book.next() is None
        book.put(two, 5.0)
        book.put(one, 5.0)
        assert [book.due(5.0), book.due(5.0), book.due(5.0)] == [two, one, None]


def test_void_items_do_not_pile_up() -> None:
    book: Agenda[Subject] = Agenda()
    one = Subject(1)
    for n in range(100_000):
        book.put(one, 1000.0 + n)
    assert len(book) <= 2 * agenda.MIN_SWEEP + 2
    assert book.next() == one.deadline
