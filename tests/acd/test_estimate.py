from math import log

from hypothesis import given
from hypothesis import strategies as st

from acd.estimate import MIN_JUDGED, MIN_SAMPLES, Handling, Line


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 10)), max_size=200), st.integers(1, 4))
def test_line_counts_as_a_sorted_list_does(steps: list[tuple[int, float]], spread: int) -> None:
    """Mostly ascending keys, some early ones, removal anywhere."""
    line, present, now = Line(), [], 0.0
    for action, value in steps:
        if action == 0 and present:
            slot, key = present.pop(int(value * 7) % len(present))
            line.leave(slot, key)
        else:
            now += value / 10
            key = now - (value * spread if action == 3 else 0.0)
            present.append((line.add(key), key))
        assert line.live == len(present)
        for slot, key in present:
            before = sum(other < key for _, other in present)
            not_behind = sum(other <= key for _, other in present)
            assert before <= line.ahead(key, slot) <= not_behind


def test_line_of_many_forgets_its_front() -> None:
    line = Line()
    slots = [line.add(float(n)) for n in range(5_000)]
    for n in range(4_000):
        line.leave(slots[n], float(n))
    assert line.ahead(4_999.0, slots[-1]) == 999
    assert line.ahead(10_000.0) == 1_000
    assert len(line.keys) < 1_600


def test_silent_until_enough_is_known() -> None:
    handling = Handling()
    for _ in range(MIN_SAMPLES - 1):
        handling.times.add(100.0)
        assert handling.mean is None
    handling.times.add(100.0)
    assert handling.mean == 100.0


def test_old_handling_times_fade() -> None:
    handling = Handling()
    for _ in range(100):
        handling.times.add(100.0)
    for _ in range(200):
        handling.times.add(300.0)
    assert handling.mean is not None
    assert 290 < handling.mean <= 300


def test_predictions_that_do_not_come_true_silence_the_queue() -> None:
    handling = Handling()
    for _ in range(MIN_JUDGED):
        assert handling.trusted
        handling.judge(60.0, 300.0)
    assert abs(handling.errors.mean - log(5)) < 1e-9
    assert not handling.trusted
    for _ in range(200):
        handling.judge(60.0, 66.0)
    assert handling.trusted
