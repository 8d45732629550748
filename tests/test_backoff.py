import pytest

from callrouter.backoff import Backoff


def test_waits_double_up_to_a_limit_and_begin_anew() -> None:
    backoff = Backoff(0.2, 1.0)
    for ceiling in (0.2, 0.4, 0.8, 1.0, 1.0):
        assert ceiling / 2 <= backoff.next() <= ceiling
    backoff.reset()
    assert backoff.next() == pytest.approx(0.15, abs=0.05)


def test_two_clients_do_not_return_in_step() -> None:
    assert len({Backoff(1.0, 1.0).next() for _ in range(20)}) > 10
