import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.partners_front import CALLS_KEPT, Behaviour, Front, Kind, Send

ASTERISK, ROUTER = ("127.0.0.3", 5070), ("127.0.0.1", 5060)


def front(**behaviours: Behaviour) -> Front:
    return Front(ASTERISK, {"12315": 520, "110": 590}, {name[1:]: one for name, one in behaviours.items()})


def request(method: str = "INVITE", user: str = "12315@", call: str = "c1", extra: str = "") -> bytes:
    return (
        f"{method} sip:{user}127.0.0.3 SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9\r\nFrom: <sip:a@x>;tag=1\r\n"
        f"To: <sip:{user}x>\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\n{extra}Content-Length: 0\r\n\r\n"
    ).encode()


def statuses(sends: list[Send]) -> list[int]:
    return [int(send.data.split()[1]) for send in sends]


def test_an_ordinary_invite_goes_on_with_orders() -> None:
    (sent,) = front().decide(request(extra="User-to-User: 00aa\r\n"), ROUTER, 1.0)
    assert sent.to == ASTERISK
    assert b"X-Partner-Does: answer\r\n" in sent.data
    assert b"X-Partner-Tone: 520\r\n" in sent.data
    assert sent.data.endswith(b"Content-Length: 0\r\n\r\n")


def test_what_arrived_is_kept_without_the_orders() -> None:
    tested = front()
    tested.decide(request(extra="User-to-User: 00aa\r\nDiversion: <sip:1@x>\r\n"), ROUTER, 7.0)
    (received,) = tested.received
    assert (received.number, received.at, received.header("user-to-user")) == ("12315", 7.0, "00aa")
    assert received.header("X-Partner-Does") == ""


def test_replies_find_the_way_back() -> None:
    tested = front()
    tested.decide(request(), ROUTER, 0)
    reply = b"SIP/2.0 180 Ringing\r\nCall-ID: c1\r\n\r\n"
    assert tested.decide(reply, ASTERISK, 0) == [Send(reply, ROUTER)]
    assert tested.decide(reply.replace(b"c1", b"c9"), ASTERISK, 0) == []


def test_a_retransmission_is_the_same_call() -> None:
    tested = front()
    first, again = tested.decide(request(), ROUTER, 0), tested.decide(request(), ROUTER, 1.5)
    assert first == again, "the first may have been lost"
    assert len(tested.received) == 1
    refusing = front(n12315=Behaviour(kind=Kind.REJECT))
    assert refusing.decide(request(), ROUTER, 0)
    assert refusing.decide(request(), ROUTER, 0.5) == []


def test_an_invite_asked_anew_in_the_same_call_goes_on_at_once() -> None:
    """After a 401, 407 or 422: the same Call-ID, the next CSeq."""
    tested = front()
    tested.decide(request(), ROUTER, 0)
    tested.decide(b"SIP/2.0 422 x\r\nCall-ID: c1\r\n\r\n", ASTERISK, 0.1)
    assert tested.decide(request().replace(b"CSeq: 1", b"CSeq: 2"), ROUTER, 0.2)
    assert len(tested.received) == 1


def test_a_copy_that_would_come_after_the_answer_is_dropped() -> None:
    late = front()
    assert late.decide(request(), ROUTER, 0)
    assert late.decide(request(), ROUTER, 0.5) == [], "both were read late; the first is on its way"
    answered = front()
    answered.decide(request(), ROUTER, 0)
    answered.decide(b"SIP/2.0 100 Trying\r\nCall-ID: c1\r\n\r\n", ASTERISK, 0.1)
    assert answered.decide(request(), ROUTER, 1.5) == []
    slow = front(n12315=Behaviour(slow=2.0))
    assert slow.decide(request(), ROUTER, 0)[0].delay == 2.0
    assert slow.decide(request(), ROUTER, 1.5) == [], "the first copy is on its way"


def test_the_newest_invite_of_a_caller_is_found() -> None:
    tested = front()
    tested.decide(request(call="c1").replace(b"<sip:a@x>", b"<sip:13909710001@x>"), ROUTER, 1.0)
    tested.decide(request(call="c2").replace(b"<sip:a@x>", b"<sip:13909710001@x>"), ROUTER, 2.0)
    assert tested.newest["13909710001"].at == 2.0


def test_behaviour_is_that_of_the_invite_not_of_later() -> None:
    tested = front()
    tested.decide(request(), ROUTER, 0)
    tested.behaviours["12315"] = Behaviour(kind=Kind.BLACK_HOLE)
    assert tested.decide(request("CANCEL"), ROUTER, 1)[0].to == ASTERISK
    assert tested.decide(request(call="c2"), ROUTER, 1) == []


def test_refusal_rings_first_when_it_takes_its_time() -> None:
    sends = front(n12315=Behaviour(kind=Kind.REJECT, status=603, after=2, slow=1)).decide(
        request(), ROUTER, 0
    )
    assert statuses(sends) == [100, 180, 603]
    assert [send.delay for send in sends] == [1, 1, 3]


def test_cancel_before_the_refusal() -> None:
    tested = front(n12315=Behaviour(kind=Kind.REJECT, after=5))
    late = tested.decide(request(), ROUTER, 0)[-1]
    assert statuses(tested.decide(request("CANCEL"), ROUTER, 1)) == [200, 487]
    assert not tested.still_wanted(late.dialog)
    assert tested.decide(request("CANCEL"), ROUTER, 2) == []


def test_unknown_numbers_are_404() -> None:
    assert statuses(front().decide(request(user="12399@"), ROUTER, 0)) == [100, 404]


@pytest.mark.parametrize(
    ("kind", "heard"), [(Kind.UNREACHABLE, False), (Kind.BLACK_HOLE, True), (Kind.ANSWER, True)]
)
def test_options_tell_of_a_line(kind: Kind, heard: bool) -> None:
    tested = front(n12315=Behaviour(kind=kind))
    assert bool(tested.decide(request("OPTIONS"), ROUTER, 0)) is heard
    assert statuses(tested.decide(request("OPTIONS", user=""), ROUTER, 0)) == [200]


def test_a_cut_network_is_silent() -> None:
    tested = front()
    tested.silent = True
    assert tested.decide(request(), ROUTER, 0) == tested.decide(request("OPTIONS"), ROUTER, 0) == []


def test_memory_is_bounded() -> None:
    tested = front()
    for number in range(CALLS_KEPT + 10):
        tested.decide(request(call=f"c{number}"), ROUTER, 0)
    assert len(tested.received) == CALLS_KEPT
    assert tested.decide(request("CANCEL", call="c0"), ROUTER, 0) == []
    assert tested.decide(request("CANCEL", call=f"c{CALLS_KEPT}"), ROUTER, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 200},
        {"after": -1.0},
        {"kind": Kind.REDIRECT},
        {"kind": Kind.REDIRECT, "target": "sip:a b"},
        {"kind": Kind.ELSEWHERE, "target": "sip:a@b"},
    ],
)
def test_behaviours_that_mean_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Behaviour(**wrong)  # type: ignore[arg-type]


@given(st.binary(max_size=400))
def test_any_datagram_is_survived(data: bytes) -> None:
    for answer in front().decide(data, ROUTER, 0):
        assert answer.data


def test_a_mobile_number_is_a_person_who_answers_and_leaves() -> None:
    asked = front()
    (send,) = asked.decide(request(user="13800000000@"), ROUTER, 0)
    assert b"X-Partner-Does: hang_up" in send.data
    assert b"X-Partner-Tone: 400" in send.data
    asked.people = Behaviour(kind=Kind.REJECT, status=486)
    assert statuses(asked.decide(request(user="13800000001@", call="other"), ROUTER, 0)) == [100, 486]


def test_a_line_may_be_a_phone_of_the_tests_own() -> None:
    phone = ("127.0.0.9", 5099)
    tested = front(n12315=Behaviour(kind=Kind.ELSEWHERE, target="sip:phone@127.0.0.9:5099"))
    assert [send.to for send in tested.decide(request(), ROUTER, 0)] == [phone]
    assert [send.to for send in tested.decide(request("CANCEL"), ROUTER, 0)] == [phone]
    reply = b"SIP/2.0 180 Ringing\r\nCall-ID: c1\r\n\r\n"
    assert tested.decide(reply, phone, 0) == [Send(reply, ROUTER)]


def test_a_line_may_treat_one_caller_in_a_way_of_its_own() -> None:
    tested = front(n12315=Behaviour(kind=Kind.REJECT, status=486))
    tested.for_callers["12315", "13909710001"] = Behaviour()
    asserted = "P-Asserted-Identity: <sip:13909710001@x.invalid>\r\n"
    assert tested.decide(request(call="c1", extra=asserted), ROUTER, 0)[0].to == ASTERISK
    others = request(call="c2", extra=asserted.replace("0001", "0002"))
    assert statuses(tested.decide(others, ROUTER, 0)) == [100, 486]
    without = request(call="c3").replace(b"<sip:a@x>", b"<sip:13909710001@x>")
    assert tested.decide(without, ROUTER, 0)[0].to == ASTERISK, "From stands in"
