from hypothesis import given
from hypothesis import strategies as st

from callrouter.web import throttle as throttle_module
from callrouter.web.throttle import WINDOW, Throttle


@given(st.lists(st.floats(0, 30), max_size=60))
def test_never_more_failures_than_the_limit_in_any_window(gaps: list[float]) -> None:
    throttle = Throttle(limit=4)
    now = 0.0
    tried: list[float] = []
    for gap in gaps:
        now += gap
        if throttle.wait("k", now) == 0:
            throttle.failed("k", now)
            tried.append(now)
    assert all(later - first >= WINDOW for first, later in zip(tried, tried[4:], strict=False))


def test_waiting_as_told_is_enough() -> None:
    throttle = Throttle(limit=1)
    throttle.failed("k", 100.0)
    wait = throttle.wait("k", 110.0)
    assert wait == 50.0
    assert throttle.wait("k", 110.0 + wait) == 0


def test_success_forgets() -> None:
    throttle = Throttle(limit=1)
    throttle.failed("k", 0.0)
    throttle.succeeded("k")
    assert throttle.wait("k", 1.0) == 0


def test_memory_is_bounded() -> None:
    throttle = Throttle(limit=2)
    for number in range(throttle_module._KEYS + 100):
        throttle.failed(str(number), 0.0)
    assert len(throttle._failures) == throttle_module._KEYS
