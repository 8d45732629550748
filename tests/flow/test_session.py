"""The interpreter: nothing that happens to a caller, or to the machinery, loses the caller."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callrouter.flow.actions import (
    ActionFailed,
    AnswerCall,
    Answered,
    Digit,
    FlowEvent,
    LookupDone,
    MediaFinished,
    PlayMedia,
    RecordingFinished,
    Returned,
    StopMedia,
    ToQueue,
)
from callrouter.flow.session import MAX_STEPS, CallFacts, FlowSession
from tests.flow.walker import NOON, Walker, flows

GREETING = """
flow: hotline
person: seat
start: greeting
nodes:
  greeting:
    menu: {prompt: welcome, keys: {1: news, 2: bye}, repeat: "*", wait: 0, tries: 1}
  news:
    play: {prompt: news, next: greeting}
  bye:
    hangup: {prompt: bye, reason: done}
  seat:
    queue: {queue: xining, skills: mandarin}
"""


@pytest.fixture
def caller() -> Walker:
    return Walker(flows(GREETING))


def test_answers_first() -> None:
    caller = Walker(flows(GREETING), answer=False)
    assert caller.actions == [AnswerCall()]
    caller.give(Answered())
    assert caller.heard == ["welcome.zh"]


def test_an_answer_that_is_never_reported_is_taken_for_granted() -> None:
    assert Walker(flows(GREETING), answer=False).wait().heard == ["welcome.zh"]
    assert Walker(flows(GREETING), answer=False).give(ActionFailed("AnswerCall", "gone")).heard == [
        "welcome.zh"
    ]


def test_silence_reaches_a_person(caller: Walker) -> None:
    assert caller.listen().queued == ToQueue(queue="xining", skills="mandarin")


def test_barge_in_stops_the_prompt(caller: Walker) -> None:
    caller.keys("1")
    assert caller.actions[-2:] == [StopMedia(1), PlayMedia(2, ("news.zh",))]


@pytest.mark.parametrize("keys", ["0", "9", "#"])
def test_zero_and_mistakes_reach_a_person(caller: Walker, keys: str) -> None:
    assert caller.keys(keys).queued.queue == "xining"


def test_keys_ahead_of_the_answer_are_kept() -> None:
    caller = Walker(flows(GREETING), answer=False).keys("2").give(Answered())
    assert caller.heard == ["bye.zh"]
    assert caller.listen().ended.cause == 16
    assert caller.session.finished
    assert caller.session.deadline is None


def test_a_flood_of_keys_is_harmless(caller: Walker) -> None:
    caller.keys("1" * 200)
    assert isinstance(caller.last, PlayMedia | ToQueue)
    before = Walker(flows(GREETING), answer=False).keys("1" * 200).give(Answered())
    assert isinstance(before.last, PlayMedia)
    assert len(before.actions) < 100


def test_strange_digits_are_ignored(caller: Walker) -> None:
    count = len(caller.actions)
    for digit in ("", "12", "x", "零", "\n", "a"):
        caller.give(Digit(digit))
    assert len(caller.actions) == count


@pytest.mark.parametrize(
    "failure", [MediaFinished(1, failed=True), ActionFailed("PlayMedia", "no such file")]
)
def test_failed_playback_goes_on(caller: Walker, failure: FlowEvent) -> None:
    assert caller.give(failure).queued.queue == "xining"


def test_playback_whose_end_is_lost_is_given_up(caller: Walker) -> None:
    assert caller.wait().queued.queue == "xining"


def test_missing_prompt_goes_on() -> None:
    caller = Walker(flows(GREETING.replace("prompt: welcome", "prompt: missing_one")))
    assert caller.queued.queue == "xining"


def test_late_and_unknown_facts_change_nothing(caller: Walker) -> None:
    caller.listen()
    count = len(caller.actions)
    late: list[FlowEvent] = [MediaFinished(1), MediaFinished(99), LookupDone(1, True), Answered(), Digit("0")]
    late += [RecordingFinished(4, True), ActionFailed("StopMedia", ""), ActionFailed("Lookup", "")]
    for event in late:
        caller.give(event)
    assert len(caller.actions) == count


def test_the_person_failing_leads_to_the_last_resort_for_ever(caller: Walker) -> None:
    assert caller.listen().comes_back("full").queued == ToQueue(queue="province", last_resort=True)
    pauses = []
    for _ in range(7):
        before = caller.now
        caller.comes_back("full").wait()
        pauses.append(caller.now - before)
        assert caller.queued.last_resort
    assert pauses == [1, 2, 5, 10, 30, 30, 30]
    assert not caller.session.finished


def test_a_refused_queue_leads_on(caller: Walker) -> None:
    assert caller.listen().give(ActionFailed("ToQueue", "unknown queue")).queued.last_resort


def test_endless_walks_end_at_a_person() -> None:
    caller = Walker(flows(GREETING))
    for _ in range(MAX_STEPS):
        caller.keys("1")
        if isinstance(caller.last, ToQueue):
            break
        caller.listen()
    assert caller.queued.last_resort


def test_trace(caller: Walker) -> None:
    session = caller.session
    assert session.take_trace() == []
    caller.keys("1").listen()
    assert [(step.node, step.branch) for step in session.take_trace()] == [
        ("greeting", "key 1"),
        ("news", "next"),
    ]
    caller.listen()
    steps = session.take_trace()
    assert [(step.node, step.branch) for step in steps] == [
        ("greeting", "silence"),
        ("seat", "to queue xining"),
    ]
    assert (steps[0].flow, steps[0].line, steps[0].at) == ("hotline", 6, NOON)
    caller.comes_back("full")
    assert [step.branch for step in session.take_trace(final=True)] == [
        "otherwise",
        "to queue province as last resort",
    ]


def test_trace_of_a_caller_who_left_in_a_menu(caller: Walker) -> None:
    assert [step.node for step in caller.session.take_trace(final=True)] == ["greeting"]


def test_the_present_node_is_told_with_what_it_has_changed() -> None:
    caller = Walker(flows(GREETING))
    present = caller.session.present_step()
    assert present is not None
    assert (present.node, present.branch) == ("greeting", "")
    caller.listen()
    assert caller.session.present_step() is None, "handed over to a queue"


def test_unknown_flow() -> None:
    with pytest.raises(KeyError):
        FlowSession(flows(GREETING), "gone", CallFacts(call="c", dialled="1"), NOON)


_EVENTS = st.one_of(
    st.builds(Digit, st.sampled_from("0123456789*#A") | st.text(max_size=2)),
    st.builds(MediaFinished, st.integers(0, 6), st.booleans()),
    st.builds(Returned, st.sampled_from(["queue", "transfer", "conversation"]), st.text(max_size=8)),
    st.builds(LookupDone, st.integers(0, 6), st.booleans()),
    st.builds(RecordingFinished, st.integers(0, 6), st.booleans()),
    st.builds(
        ActionFailed,
        st.sampled_from(["PlayMedia", "ToQueue", "AnswerCall", "Lookup", "EndCall"]),
        st.just(""),
    ),
    st.just(Answered()),
    st.floats(0, 200),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_EVENTS, max_size=60))
def test_whatever_happens_the_caller_is_somewhere(events: list[FlowEvent | float]) -> None:
    caller = Walker(flows(GREETING), answer=False)
    for event in events:
        if isinstance(event, float):
            caller.wait(event)
        else:
            caller.give(event)
    session = caller.session
    waits = session.deadline is not None
    assert session.finished or waits or isinstance(caller.last, ToQueue)
    assert len(session.take_trace(final=True)) <= 1000
