"""Words to a SIPp that loses some: each arrives, in time, and never more are under way than it can take."""

import itertools

from simulators.sip_load.crowd import Instruction
from simulators.sip_load.orders import AGAIN, MOST_TIMES, WINDOW, Orders
from simulators.sipp_log import SipMessage


class Sipp:
    """Notes what it is told; `deaf` to some words."""

    def __init__(self) -> None:
        self.told: list[tuple[int | str, int]] = []
        self._turns = itertools.count(1)

    def tell(self, call: int | str, do: str, key: str = "-") -> tuple[str, int]:
        turn = next(self._turns)
        self.told.append((call, turn))
        return f"{call}.callers0", turn


def heard(orders: Orders, call: int | str, turn: int) -> None:
    orders.heard(SipMessage(0.0, False, f"{call}.callers0", turn, "INFO", 0, "sip:load@x"))


def hang_up(count: int) -> tuple[Sipp, Orders]:
    sipp = Sipp()
    orders = Orders(sipp)
    for call in range(count):
        orders.give(Instruction("callers0", call, "hangup"))
    orders.send(0.0)
    return sipp, orders


def test_a_crowd_that_leaves_at_once_is_told_in_portions() -> None:
    sipp, orders = hang_up(600)
    assert len(sipp.told) == WINDOW
    while len({call for call, _ in sipp.told}) < 600:
        before = len(sipp.told)
        for call, turn in sipp.told[before - 10 :]:
            heard(orders, call, turn)
        orders.send(0.1)
        assert before < len(sipp.told) <= before + WINDOW
    assert orders.lost > 0, "those before the ones that were heard"


def test_a_word_is_lost_when_a_later_one_has_arrived_and_said_again() -> None:
    sipp, orders = hang_up(3)
    heard(orders, *sipp.told[1])
    orders.send(0.1)
    assert [call for call, _ in sipp.told] == [0, 1, 2, 0]
    for call, turn in sipp.told[2:]:
        heard(orders, call, turn)
    orders.send(9.0)
    assert len(sipp.told) == 4, "nothing is said twice that was heard"


def test_the_last_word_is_said_again_after_a_while_and_given_up_in_the_end() -> None:
    sipp, orders = hang_up(1)
    for turn in range(1, 10):
        orders.send(turn * (AGAIN - 0.1))
        orders.send(turn * (AGAIN + 0.1))
    assert len(sipp.told) == MOST_TIMES
    assert orders.given_up == 1


def test_requests_of_the_installation_are_no_answer() -> None:
    sipp, orders = hang_up(2)
    orders.heard(SipMessage(0.0, False, "someone", 2, "INFO", 0, "sip:seat@x"))
    orders.send(0.1)
    assert len(sipp.told) == 2
