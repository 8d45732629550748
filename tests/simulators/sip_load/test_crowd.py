"""The crowd and its figures, on message logs written by hand."""

from dataclasses import replace
from typing import Any

import pytest

from simulators.sip_load.crowd import LOST_SECONDS, Crowd, Instruction, is_wrong_seat
from simulators.sip_load.findings import findings, void_reasons
from simulators.sip_load.metrics import figures
from simulators.sip_load.plan import plan_calls
from simulators.sip_load.report import compare, document, look_up
from simulators.sip_load.result import RunResult
from simulators.sip_load.scenario import Scenario
from simulators.sip_load.sessions import share, spread
from simulators.sip_load.watch import Usage
from simulators.sipp_log import SipMessage

BEGIN = 1_000_000.0


def scenario(**plan: Any) -> Scenario:
    people = {
        "name": "people",
        "dial": "12345",
        "arrivals": {"process": "constant", "rate": 1},
        "talk": {"constant": 10},
        **plan.pop("people", {}),
    }
    return Scenario.model_validate({"duration": 3, "callers": [people], **plan})


SEATS = [{"accounts": [{"user": "a1", "password": "x"}, {"user": "a2", "password": "x"}]}]


class Town:
    """A crowd whose messages are written by the test. Instants are seconds from the beginning."""

    def __init__(self, plan: Scenario) -> None:
        self.plan = plan
        self.crowd = Crowd(plan, plan_calls(plan), ["callers0"], BEGIN)
        self.number = {place: caller.plan.number for place, caller in enumerate(self.crowd.callers, 1)}

    def message(self, place: int, at: float, sent: bool, method: str, status: int = 0, cseq: int = 1) -> None:
        self.crowd.caller_message(SipMessage(BEGIN + at, sent, f"{place}.callers0", cseq, method, status, ""))

    def dial(self, place: int, at: float) -> None:
        self.message(place, at, True, "INVITE")

    def answer(self, place: int, at: float, status: int = 200) -> None:
        self.message(place, at, False, "INVITE", status)
        self.message(place, at + 0.001, True, "ACK")

    def bye(self, place: int, at: float, sent: bool = True) -> None:
        self.message(place, at, sent, "BYE", cseq=999)
        self.message(place, at + 0.002, not sent, "BYE", 200, cseq=999)

    def ring(self, place: int, seat: str, at: float, call_id: str) -> None:
        self.seat(call_id, at, False, "INVITE")
        self.crowd.seat_note("seats", f"{call_id} {seat} {self.number[place]}", BEGIN + at)

    def seat(self, call_id: str, at: float, sent: bool, method: str, status: int = 0, cseq: int = 7) -> None:
        self.crowd.seat_message("seats", SipMessage(BEGIN + at, sent, call_id, cseq, method, status, ""))

    def told(self, at: float) -> list[Instruction]:
        return list(self.crowd.instructions(BEGIN + at))

    def report(self, ended: float = 3.0) -> dict[str, Any]:
        result = RunResult(
            scenario=self.plan, sip="127.0.0.1:5060", began=BEGIN, crowd=self.crowd, ended=BEGIN + ended
        )
        result.seats = sum(len(group.users) for group in self.plan.seats)
        result.usage = {"asterisk": Usage(cpu_seconds=1.5, cpu=[0.5, 1.0], memory=[1, 2], peak_memory=2)}
        return document(result)


@pytest.fixture
def town() -> Town:
    return Town(scenario(seats=SEATS))


def test_a_caller_talks_for_as_long_as_planned_from_the_seats_answer(town: Town) -> None:
    town.dial(1, 0.1)
    town.answer(1, 0.2)
    town.ring(1, "a1", 1.0, "offer-1")
    assert town.told(5) == []
    town.seat("offer-1", 2.0, True, "INVITE", 200)
    assert town.told(11.9) == []
    assert town.told(12.0) == [Instruction("callers0", 1, "hangup")]
    town.bye(1, 12.05)
    assert town.told(12.1) == [Instruction("callers0", 1, "done")]
    attempt = town.crowd.callers[0].attempts[0]
    assert (attempt.seat, attempt.left_by, attempt.over) == ("a1", "caller", True)


def test_without_seats_the_talk_counts_from_the_installations_answer() -> None:
    town = Town(scenario())
    town.dial(1, 0.1)
    town.answer(1, 1.0)
    assert town.told(10.9) == []
    assert town.told(11.0) == [Instruction("callers0", 1, "hangup")]


def test_patience_ends_before_a_person_but_not_after() -> None:
    town = Town(scenario(seats=SEATS, people={"patience": {"constant": 4}}))
    town.dial(1, 0.0)
    town.dial(2, 0.0)
    for place in (1, 2):
        town.answer(place, 0.1)
    town.ring(2, "a1", 1.0, "offer-2")
    town.seat("offer-2", 2.0, True, "INVITE", 200)
    assert town.told(4.0) == [Instruction("callers0", 1, "hangup")]


def test_a_refused_caller_dials_again_as_often_as_planned_and_then_is_done() -> None:
    plan = {"redial": {"chance": 1, "after": {"constant": 2}, "at_most": 2}}
    town = Town(scenario(seats=SEATS, people=plan))
    at = 0.0
    for attempt in range(3):
        town.dial(1, at)
        town.answer(1, at + 0.1, 486)
        told = town.told(at + 2.2)
        if attempt < 2:
            assert [one.do for one in told] == ["dial"]
        else:
            assert [one.do for one in told] == ["done"]
        at += 2.2
    assert [attempt.number for attempt in town.crowd.callers[0].attempts] == [1, 2, 3]


def test_nobody_dials_again_once_everybody_is_told_to_leave() -> None:
    plan = {"redial": {"chance": 1, "after": {"constant": 2}, "at_most": 2}}
    town = Town(scenario(people=plan))
    town.dial(1, 0.0)
    town.answer(1, 0.1, 486)
    town.dial(2, 0.0)
    town.crowd.hang_up_all()
    assert {(one.call, one.do) for one in town.told(0.2)} == {(1, "done"), (2, "hangup")}
    town.answer(2, 0.3, 487)
    assert town.told(0.4) == [Instruction("callers0", 2, "done")]
    assert town.told(100) == []


def test_keys_are_pressed_one_after_another_after_the_answer() -> None:
    choice = {"keys": "9#", "share": 1, "after": {"constant": 1}}
    town = Town(scenario(people={"choices": [choice]}))
    town.dial(1, 0.0)
    town.answer(1, 0.5)
    pressed = [(one.do, one.key) for at in (1.49, 1.5, 1.75) for one in town.told(at)]
    assert pressed == [("key", "9"), ("key", "#")]


def test_a_seat_hands_callers_on_by_keys() -> None:
    seats = [
        {
            **SEATS[0],
            "transfers": {
                "share": 1,
                "lines": ["12315"],
                "after": {"constant": 1},
                "consult": {"constant": 2},
            },
        }
    ]
    town = Town(scenario(seats=seats, people={"talk": {"constant": 60}}))
    town.dial(1, 0.0)
    town.answer(1, 0.1)
    town.ring(1, "a1", 0.5, "offer-1")
    town.seat("offer-1", 1.0, True, "INVITE", 200)
    told = [one for look in range(100, 2000) for one in town.told(look / 100)]
    assert "".join(one.key for one in told) == "*212315*1"
    assert {(one.process, one.call) for one in told} == {("seats", "offer-1")}
    assert town.report(20)["figures"]["transfers"] == {"12315": {"begun": 1, "lasted": 1, "arrived": None}}


def test_a_call_is_told_one_thing_at_a_look() -> None:
    """Two in one breath find SIPp busy, and it breaks the call off."""
    choice = {"keys": "12", "share": 1, "after": {"constant": 1}}
    town = Town(scenario(people={"choices": [choice], "talk": {"constant": 1.25}}))
    town.dial(1, 0.0)
    town.answer(1, 0.5)
    assert [one.key for one in town.told(5.0)] == ["1"]
    assert [one.key for one in town.told(5.02)] == ["2"]
    assert [one.do for one in town.told(5.04)] == ["hangup"]


def test_an_abusive_caller_hammers_keys_until_leaving() -> None:
    hammer = {"keys": 6, "every": 0.5, "after": {"constant": 1}}
    choice = {"keys": "0", "share": 1}
    plan = scenario(people={"hammer": hammer, "choices": [choice], "talk": {"constant": 3}})
    town = Town(plan)
    town.dial(1, 0.0)
    town.answer(1, 0.0)
    told = [(look / 10, one) for look in range(100) for one in town.told(look / 10)]
    assert [at for at, _ in told] == pytest.approx([1.0, 1.5, 2.0, 2.5, 3.0])
    assert [one.do for _, one in told] == ["key"] * 4 + ["hangup"]
    assert "".join(one.key for _, one in told[:4]) == plan_calls(plan)[0].hammered[:4]
    assert plan_calls(plan)[0].choice is None


def test_whoever_answers_may_hang_up_first() -> None:
    seats = [{**SEATS[0], "leaves": {"constant": 1}}]
    town = Town(scenario(seats=seats))
    for place in (1, 2):
        town.dial(place, 0.0)
        town.answer(place, 0.1)
        town.ring(place, "a1", place, f"offer-{place}")
        town.seat(f"offer-{place}", place + 0.2, True, "INVITE", 200)
        told = town.told(place + 1.2)
        assert Instruction("seats", f"offer-{place}", "hangup") in told
        town.seat(f"offer-{place}", place + 1.2, True, "BYE", cseq=9)
        town.bye(place, place + 1.3, sent=False)
    report = town.report(20)
    assert report["figures"]["seats"]["hung_up"] == {"a1": [2, 2]}
    assert "seat a1 answered and hung up at once in 2 of 2 calls" in {
        one["text"] for one in report["findings"]
    }


def test_conversations_cut_by_the_installation_are_not_those_that_callers_ended() -> None:
    town = Town(scenario(seats=SEATS, duration=5))
    for place in (1, 2, 3, 4):
        town.dial(place, place)
        town.answer(place, place + 0.1)
        seat = "a1" if place < 3 else "a2"
        town.ring(place, seat, place + 0.2, f"offer-{place}")
        town.seat(f"offer-{place}", place + 0.3, True, "INVITE", 200)
        if seat == "a2":
            town.bye(place, place + 0.5)
        town.seat(f"offer-{place}", place + 0.6, False, "BYE", cseq=9)
        if seat == "a1":
            town.bye(place, place + 0.7, sent=False)
    assert town.report(20)["figures"]["seats"]["cut_off"] == {"a1": [2, 2]}


def test_a_refusal_in_every_nth_call_is_told_from_chance() -> None:
    for refused, expected in (((3, 6, 9), 3), ((2, 3, 9), None), ((4, 8), None)):
        town = Town(scenario(duration=12))
        for place in range(1, 12):
            town.dial(place, place)
            town.answer(place, place + 0.1, 503 if place in refused else 200)
        assert town.report(30)["figures"]["sessions"]["refused_every"] == expected


def test_disconnections_and_durations_fail_apart(town: Town) -> None:
    for place in (1, 2, 3):
        town.dial(place, 0.0)
        town.answer(place, 0.1)
        town.message(place, 1.1, True, "BYE", cseq=999)
    town.message(1, 1.2, False, "BYE", 200, cseq=999)
    town.message(2, 1.4, False, "BYE", 481, cseq=999)
    sessions = town.report(20)["figures"]["sessions"]
    assert sessions["SDD"]["max"] == pytest.approx(0.1)
    assert sessions["SDD_failed"]["max"] == pytest.approx(0.3)
    assert sessions["SDT"]["count"] == 1
    assert sessions["SDT_failed"]["count"] == 2
    assert sessions["SCR"] == pytest.approx(1 / 3)


def test_figures_by_language() -> None:
    choice = {"keys": "2", "share": 1, "language": "bo"}
    town = Town(scenario(seats=SEATS, people={"choices": [choice]}))
    town.dial(1, 0.0)
    assert list(town.report()["figures"]["by_language"]) == ["bo"]


def test_retransmissions_are_told_from_what_is_new(town: Town) -> None:
    town.dial(1, 0.0)
    town.message(1, 0.5, True, "INVITE")
    town.message(1, 0.6, False, "INVITE", 100)
    town.answer(1, 0.7)
    town.message(1, 1.2, False, "INVITE", 200)
    town.message(1, 2.0, True, "BYE", cseq=999)
    town.message(1, 2.5, True, "BYE", cseq=999)
    town.message(1, 2.6, False, "BYE", 200, cseq=999)
    again = town.crowd.retransmissions
    assert again.sent == {"INVITE": 1, "BYE": 1}
    assert again.received == {"200 INVITE": 1}
    attempt = town.crowd.callers[0].attempts[0]
    assert attempt.invite_at == BEGIN
    assert attempt.answered_at == BEGIN + 0.7


def test_a_reinvite_at_a_seat_is_no_retransmission(town: Town) -> None:
    town.dial(1, 0.0)
    town.ring(1, "a1", 0.5, "offer-1")
    town.seat("offer-1", 1.0, True, "INVITE", 200)
    town.seat("offer-1", 2.0, False, "INVITE", cseq=8)
    town.seat("offer-1", 2.1, True, "INVITE", 200, cseq=8)
    town.seat("offer-1", 2.6, False, "INVITE", cseq=7)
    assert town.crowd.retransmissions.received == {"INVITE": 1}
    assert town.crowd.retransmissions.sent == {}


def test_a_second_call_to_a_talking_seat_is_noticed_and_one_after_it_is_not(town: Town) -> None:
    for place, at in ((1, 0.0), (2, 2.0), (3, 6.0)):
        town.dial(place, at)
        town.ring(place, "a1", at + 0.5, f"offer-{place}")
        town.seat(f"offer-{place}", at + 1, True, "INVITE", 200)
        if place == 2:
            town.seat("offer-1", 5.0, False, "BYE")
            town.seat("offer-2", 5.0, False, "BYE")
    assert [offer.second_call for offer in town.crowd.offers] == [False, True, False]


def test_messages_of_a_seat_that_arrive_before_its_note_are_kept(town: Town) -> None:
    town.dial(1, 0.0)
    town.seat("offer-1", 0.5, False, "INVITE")
    town.seat("offer-1", 1.0, True, "INVITE", 200)
    assert town.crowd.offers == []
    town.crowd.seat_note("seats", f"offer-1 a1 {town.number[1]}", BEGIN + 1.1)
    (offer,) = town.crowd.offers
    assert (offer.offered_at, offer.answered_at) == (BEGIN + 0.5, BEGIN + 1.0)
    assert town.crowd.answered_for(town.number[1]) is offer


def test_an_invite_that_nobody_answers_is_lost_after_timer_b(town: Town) -> None:
    town.dial(1, 0.0)
    town.crowd.lose(BEGIN + LOST_SECONDS - 1)
    assert town.crowd.callers[0].now is not None
    town.crowd.lose(BEGIN + LOST_SECONDS + 1)
    assert town.crowd.callers[0].now is None
    assert town.report(40)["figures"]["sessions"]["causes"] == {"408": 1}


def test_notes_and_lines_of_strangers_are_left_out(town: Town) -> None:
    town.crowd.seat_note("seats", "too few", BEGIN)
    town.message(99, 0.0, True, "INVITE")
    town.crowd.caller_message(SipMessage(BEGIN, True, "somebody@else", 1, "INVITE", 0, ""))
    assert town.crowd.offers == []
    assert town.crowd.live == 0


def test_ratios_follow_rfc_6076(town: Town) -> None:
    plan = scenario(seats=SEATS, duration=8)
    town = Town(plan)
    outcomes = [200, 200, 200, 486, 503, 302, 487, 404]
    for place, status in enumerate(outcomes, 1):
        town.dial(place, place)
        town.message(place, place + 0.05, False, "INVITE", 100)
        if status in (200, 486):
            town.message(place, place + 0.2, False, "INVITE", 180)
        if status == 487:
            town.message(place, place + 0.3, True, "CANCEL")
        town.answer(place, place + 0.5, status)
        if status == 200:
            town.bye(place, place + 3)
    sessions = town.report(20)["figures"]["sessions"]
    # Seven of the eight count: redirections are in no base but those of ISA and SCR (§4.8, §4.9).
    assert sessions["SER"] == pytest.approx(3 / 7)
    assert sessions["SER_without_given_up"] == pytest.approx(3 / 6)
    assert sessions["SEER"] == pytest.approx(4 / 7)
    assert sessions["ISA"] == pytest.approx(1 / 8)
    assert sessions["SCR"] == pytest.approx(3 / 8)
    assert sessions["NER"] == pytest.approx(5 / 7)
    assert sessions["causes"] == {"200": 3, "302": 1, "404": 1, "486": 1, "487": 1, "503": 1}
    assert sessions["SRD_successful"]["p50"] == pytest.approx(0.2)
    assert sessions["SRD_failed"]["p50"] == pytest.approx(0.5)
    assert sessions["setup"]["max"] == pytest.approx(0.5)
    assert sessions["SDD"]["mean"] == pytest.approx(0.002)
    assert sessions["SDT"]["mean"] == pytest.approx(2.5)


def test_percentiles_are_observations() -> None:
    one = spread(value / 100 for value in range(1, 101))
    assert (one["p50"], one["p95"], one["p99"], one["p99.9"], one["max"]) == (0.5, 0.95, 0.99, 1.0, 1.0)
    assert spread([]) == {"count": 0}
    assert share(1, 0) is None


def test_a_caller_who_met_the_wrong_seat_is_counted_and_named() -> None:
    town = Town(scenario(seats=SEATS, people={"seats": ["b*", "a2"]}))
    for place, seat in ((1, "a1"), (2, "a2")):
        town.dial(place, place)
        town.answer(place, place + 0.1)
        town.ring(place, seat, place + 0.5, f"offer-{place}")
        town.seat(f"offer-{place}", place + 1, True, "INVITE", 200)
    report = town.report(10)
    assert report["figures"]["people"]["wrong_seat"] == 1
    assert {one["code"]: one["text"] for one in report["findings"]}["wrong_seat"].endswith("people -> a1")
    assert not is_wrong_seat(plan_calls(scenario())[0], "anything")


def test_a_late_generator_makes_a_run_void_and_an_empty_one_has_nothing_good() -> None:
    town = Town(scenario())
    for place, caller in enumerate(town.crowd.callers, 1):
        town.dial(place, caller.plan.due + 0.7)
    report = town.report()
    assert report["verdict"] == "void"
    assert any("0.70 s late" in reason for reason in report["void"])
    empty = Town(scenario()).report()
    assert "no_calls" in {one["code"] for one in empty["findings"]}
    assert any("only 0 of" in reason for reason in empty["void"])


def test_findings_name_slow_setup_refusals_waits_and_leaks() -> None:
    town = Town(scenario(seats=SEATS, bounds={"setup_p99": 0.5, "answered_in_time": 0.9, "in_time": 2}))
    for place in (1, 2, 3):
        town.dial(place, place)
        town.answer(place, place + 1.0, 200 if place < 3 else 503)
    plan = town.plan
    result = RunResult(scenario=plan, sip="x", began=BEGIN, crowd=town.crowd, ended=BEGIN + 9, left_behind=2)
    result.lingered = 40.0
    result.left = ["PJSIP/x-1 (Up, Stasis, for 60 s)"]
    found = {one.code: one.text for one in findings(figures(result), plan)}
    assert set(found) >= {"slow_setup", "refusals", "waits", "leak"}
    assert "1 × 503" in found["refusals"]
    assert "2 channels" in found["leak"]
    assert "PJSIP/x-1" in found["leak"]
    late = replace(result, unended=2, lingered=5)
    assert "leak" not in {one.code for one in findings(figures(late), plan)}, "the generator's own fault"
    assert any("2 callers could not be made to hang up" in one for one in void_reasons(figures(late)))


def test_recordings_that_are_missing_are_named_with_caller_and_seat(town: Town) -> None:
    for place, seat in ((1, "a1"), (2, "a2")):
        town.dial(place, place)
        town.answer(place, place + 0.1)
        town.ring(place, seat, place + 0.2, f"offer-{place}")
        town.seat(f"offer-{place}", place + 1.0, True, "INVITE", 200)
        town.bye(place, 10 * place)
    result = RunResult(scenario=town.plan, sip="x", began=BEGIN, crowd=town.crowd, ended=BEGIN + 30)
    result.recorded = [BEGIN + 20.5]
    found = {one.code: one.text for one in findings(figures(result), town.plan)}["not_recorded"]
    assert found.startswith("1 recordings were made in 2 conversations")
    assert f"by seat: a1 (1); for example {town.number[1]} with a1 until" in found
    assert town.number[2] not in found
    result.recorded = []
    found = {one.code: one.text for one in findings(figures(result), town.plan)}["not_recorded"]
    assert "`target.recordings`" in found


def test_seats_and_lines_that_share_no_codec_with_their_offers_are_named() -> None:
    lines = [{"line": "12315", "listen": "127.0.0.1:15060", "codecs": ["pcmu"]}]
    town = Town(scenario(seats=[{**SEATS[0], "codecs": ["g729"]}], partners=lines))
    for place, (group, seat, formats) in enumerate(
        [("seats", "a1", "8 101"), ("partner-12315", "12315", "8 101"), ("seats", "a2", "8 18 101")], 1
    ):
        town.dial(place, place)
        town.answer(place, place + 0.1)
        town.seat(f"offer-{place}", place + 0.2, False, "INVITE")
        town.crowd.seat_note(group, f"offer-{place} {seat} {town.number[place]} {formats}", BEGIN + place)
        town.seat(f"offer-{place}", place + 1.0, True, "INVITE", 200)
    report = town.report(20)
    found = [one["text"] for one in report["findings"] if one["code"] == "wrong_codec"]
    assert [text.split(":")[0] for text in found] == [
        "line 12315 answered with pcmu, though offered pcma, telephone-event (1 times)",
        "seat a1 answered with g729, though offered pcma, telephone-event (1 times)",
    ]


def test_one_refusal_is_chance_and_two_of_three_are_a_seats_way(town: Town) -> None:
    for place in (1, 2, 3):
        town.dial(place, place)
        town.ring(place, "a1", place + 0.1, f"offer-{place}")
        town.seat(f"offer-{place}", place + 0.2, True, "INVITE", 486 if place < 3 else 200)
        told = {one["code"]: one["text"] for one in town.report(place + 0.5)["findings"]}
        assert ("seat_declines" in told) is (place > 1)
    assert "a1 (2 of 3)" in told["seat_declines"]


def test_a_registration_that_nobody_answers_has_failed(town: Town) -> None:
    """By hand: one in time after 0.3 s with its challenge, one refused, one lost, one on its way."""

    def register(user: str, at: float, sent: bool, status: int = 0) -> None:
        town.crowd.seat_message("crew", SipMessage(BEGIN + at, sent, user, 1, "REGISTER", status, ""))

    register("a1", 0.0, True)
    register("a1", 0.1, False, 401)
    register("a1", 0.1, True)
    register("a1", 0.3, False, 200)
    register("a2", 0.0, True)
    register("a2", 0.1, False, 403)
    register("a3", 1.0, True)
    register("a4", 59.0, True)
    figures = town.report(60.0)["figures"]["registrations"]
    assert (figures["count"], figures["IRA"]) == (3, pytest.approx(2 / 3))
    assert figures["RRD"]["max"] == pytest.approx(0.3)


def test_a_wrong_password_is_told_from_a_challenge_that_comes_twice(town: Town) -> None:
    """A repeated 401 to the same request is a retransmission; one to the answer is a refusal."""

    def said(at: float, sent: bool, cseq: int, status: int = 0) -> None:
        message = SipMessage(BEGIN + at, sent, "1.seats", cseq, "REGISTER", status, "")
        town.crowd.seat_message("seats", message)

    said(0.0, True, 1)
    said(0.1, False, 1, 401)
    said(0.2, False, 1, 401)
    (one,) = town.crowd.registrations["1.seats"]
    assert not one.refused
    said(0.3, True, 2)
    said(0.4, False, 2, 401)
    assert one.refused
    assert one.final == 401


def test_what_the_desk_refused_during_the_run_is_a_finding(town: Town) -> None:
    town.dial(1, 0.0)
    town.answer(1, 0.2)
    result = RunResult(scenario=town.plan, sip="x", began=BEGIN, crowd=town.crowd, ended=BEGIN + 3)
    result.desk_refusals = ["a1: wrap-up/finish of seat a1: 500 broken"]
    found = {one["code"]: one["text"] for one in document(result)["findings"]}
    assert "a1: wrap-up/finish" in found["desk_refuses"]


def test_runs_are_compared_figure_by_figure(town: Town) -> None:
    town.dial(1, 0.0)
    town.answer(1, 0.2)
    report = town.report()
    rows = {row["figure"]: row for row in compare(report, report)}
    assert rows["setup p95"]["ratio"] == 1
    assert rows["Asterisk CPU per call, ms"]["later"] == pytest.approx(1500)
    assert "MOS" not in rows
    assert look_up(report["figures"], ("sessions", "nothing", "p95")) is None
    assert void_reasons(report["figures"]) != []


def test_waits_stand_beside_what_erlang_expects(town: Town) -> None:
    for place in (1, 2, 3):
        town.dial(place, place)
        town.answer(place, place + 0.1)
        town.ring(place, f"a{place % 2 + 1}", place + 1.1, f"offer-{place}")
        town.seat(f"offer-{place}", place + 1.6, True, "INVITE", 200)
        town.bye(place, place + 3.1)
    theory = town.report(30)["figures"]["theory"]
    assert theory["model"] == "C"
    assert theory["handling"] == pytest.approx(2.0)
    # Three calls in the three seconds of arrivals, two seconds each: the two seats are full.
    assert theory["load_erlang"] == pytest.approx(2.0)
    assert theory["mean_wait"] is None
    assert theory["announcements"] == pytest.approx(1.0)
    assert theory["measured_mean_wait"] == pytest.approx(0.0)
    patient = Town(scenario(seats=SEATS, people={"patience": {"exponential": 5}}))
    assert patient.report()["figures"]["theory"] is None


def test_who_gave_up_waited_too() -> None:
    """The formulas' mean wait is of all callers, so the measured one is."""
    town = Town(scenario(seats=SEATS, people={"patience": {"exponential": 5}}))
    for place in (1, 2):
        town.dial(place, place)
        town.answer(place, place + 0.1)
    town.ring(1, "a1", 2.1, "offer-1")
    town.seat("offer-1", 2.6, True, "INVITE", 200)
    town.bye(1, 4.0)
    town.bye(2, 6.1)
    theory = town.report(30)["figures"]["theory"]
    assert theory["model"] == "A"
    assert theory["measured_mean_wait"] == pytest.approx((0.0 + 3.0) / 2)


def test_each_way_has_its_own_announcements_and_who_leaves_during_them_asks_for_no_seat() -> None:
    """Callers who press 0 at once would else make the others' greeting look like a wait."""
    plan = scenario(seats=SEATS, people={"choices": [{"keys": "0", "share": 0.5}]})
    town = Town(plan.model_copy(update={"duration": 20}))
    quick = [caller.place for caller in town.crowd.callers if caller.plan.choice is not None]
    patient, leaver, refused = [one.place for one in town.crowd.callers if one.plan.choice is None][:3]
    for place, announced in ((quick[0], 0.2), (patient, 7.0)):
        town.dial(place, place)
        town.answer(place, place + 0.1)
        town.ring(place, f"a{place}", place + 0.1 + announced, f"offer-{place}")
        town.seat(f"offer-{place}", place + 0.6 + announced, True, "INVITE", 200)
        town.bye(place, place + 2.1 + announced)
    town.dial(leaver, leaver)
    town.answer(leaver, leaver + 0.1)
    town.bye(leaver, leaver + 2.0)
    town.dial(refused, refused)
    town.answer(refused, refused + 0.1, 404)
    theory = town.report(60)["figures"]["theory"]
    assert theory["measured_mean_wait"] == pytest.approx(0.0, abs=1e-6)
    assert theory["measured_answered_in_time"] == 1.0
    assert theory["load_erlang"] == pytest.approx(2 / 20 * theory["handling"])


def test_nobody_is_told_twice_to_hang_up(town: Town) -> None:
    town = Town(scenario(seats=SEATS, people={"patience": {"constant": 5}, "talk": {"constant": 1}}))
    town.dial(1, 0.0)
    town.answer(1, 0.1)
    assert [one.do for one in town.told(5.0)] == ["hangup"]
    town.ring(1, "a1", 5.0, "offer-1")
    town.seat("offer-1", 5.01, True, "INVITE", 200)
    town.crowd.hang_up_all()
    assert town.told(10) == []
