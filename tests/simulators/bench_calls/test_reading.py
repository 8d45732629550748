import pytest

from simulators.bench_calls.reading import Seen, share
from simulators.sipp_log import SipMessage


def message(at: float, sent: bool, call: str, method: str, status: int = 0, cseq: int = 1) -> SipMessage:
    return SipMessage(at, sent, call, cseq, method, status, "" if status else "sip:x@127.0.0.1")


def callers(seen: Seen, *at: float) -> None:
    numbers = [f"n{turn}" for turn in range(1, len(at) + 1)]
    seen.callers([message(when, True, f"{turn}.ours1", "INVITE") for turn, when in enumerate(at, 1)], numbers)


def seat_call(seen: Seen, call: str, seat: str, caller: str, begin: float, end: float) -> None:
    seen.seats_called(
        [
            message(begin, False, call, "INVITE"),
            message(begin + 0.01, True, call, "INVITE", 200),
            message(begin + 0.02, False, call, "ACK"),
            message(end, False, call, "BYE", cseq=2),
            message(end + 0.01, True, call, "BYE", 200, cseq=2),
        ]
    )
    seen.noted([f"2026-11-23T00:00:00Z {call} {seat} {caller}"])


def test_a_caller_has_met_a_seat_once_the_seat_says_so() -> None:
    seen = Seen()
    callers(seen, 10.0, 10.5, 11.0)
    seat_call(seen, "a", "b0001", "n1", 10.25, 12.0)
    seat_call(seen, "b", "b0002", "n2", 11.0, 13.0)
    seat_call(seen, "c", "b0003", "stranger", 11.0, 13.0)
    assert seen.met == 2
    assert sorted(seen.waits()) == pytest.approx([0.25, 0.5])
    assert not seen.repeats


def test_an_invite_never_acknowledged_is_no_conversation() -> None:
    seen = Seen()
    callers(seen, 10.0)
    seen.seats_called([message(10.1, False, "a", "INVITE")])
    seen.noted(["x a b0001 n1"])
    assert seen.met == 0


def test_repeated_messages_are_told_from_new_offers() -> None:
    seen = Seen()
    numbers = ["n1"]
    seen.callers([message(1.0, True, "1.q", "INVITE"), message(1.5, True, "1.q", "INVITE")], numbers)
    seen.callers([message(3.0, True, "1.q", "BYE"), message(3.5, True, "1.q", "BYE")], numbers)
    seen.seats_called(
        [
            message(1.6, False, "a", "INVITE", cseq=7),
            message(2.1, False, "a", "INVITE", cseq=7),
            message(2.2, False, "a", "INVITE", cseq=8),
            message(3.6, False, "a", "BYE", cseq=9),
            message(4.1, False, "a", "BYE", cseq=9),
        ]
    )
    assert seen.repeats == {"caller INVITE": 1, "caller BYE": 1, "seat INVITE": 1, "seat BYE": 1}
    assert seen.offers_again == 1


def test_gaps_are_of_one_seat_and_leave_out_the_first() -> None:
    seen = Seen()
    for call, begin in enumerate((0.0, 2.0, 4.5)):
        seat_call(seen, f"a{call}", "f0001", "n", begin, begin + 1.0)
        seat_call(seen, f"b{call}", "f0002", "n", begin + 0.1, begin + 1.1)
    assert seen.gaps() == pytest.approx([1.5, 1.5])
    assert seen.gaps(skip=0) == pytest.approx([1.0, 1.5, 1.0, 1.5])


@pytest.mark.parametrize(("part", "value"), [(0.5, 2.0), (0.99, 4.0), (0.0, 1.0)])
def test_share_is_by_nearest_rank(part: float, value: float) -> None:
    assert share([4.0, 1.0, 3.0, 2.0], part) == value
    assert share([], part) == 0.0
