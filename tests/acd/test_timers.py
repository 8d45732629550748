from hypothesis import given
from hypothesis import strategies as st

from acd.timers import Timers


def test_due_in_order_of_time_then_of_setting() -> None:
    timers: Timers[str] = Timers()
    timers.set("b", 2.0)
    timers.set("a", 1.0)
    timers.set("c", 2.0)
    assert timers.due(0.5) is None
    assert [timers.due(2.0) for _ in range(4)] == ["a", "b", "c", None]


def test_setting_again_moves_the_deadline() -> None:
    timers: Timers[str] = Timers()
    timers.set("a", 1.0)
    timers.set("a", 5.0)
    assert timers.due(4.0) is None
    assert timers.next() == 5.0
    timers.cancel("a")
    assert timers.next() is None


@given(st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.floats(0, 100))), max_size=300))
def test_like_a_plain_dictionary(steps: list[tuple[int, float | None]]) -> None:
    timers: Timers[int] = Timers()
    plain: dict[int, float] = {}
    for key, at in steps:
        if at is None:
            timers.cancel(key)
            plain.pop(key, None)
        else:
            timers.set(key, at)
            plain[key] = at
        assert timers.next() == (min(plain.values()) if plain else None)
        assert len(timers._heap) <= 64 + 4 * max(1, len(plain)) + 1
    taken = []
    while (due := timers.due(1000.0)) is not None:
        taken.append(due)
    assert sorted(taken) == sorted(plain)
    assert [plain[k] for k in taken] == sorted(plain.values())
