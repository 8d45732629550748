"""`play`."""

from tests.flow.walker import Walker, flows

FLOW = """
flow: hotline
languages: [zh, en, bo-kham]
person: seat
start: first
variables: {count: {type: int, default: 7}, text: {type: string, default: "12"}}
nodes:
  first:
    play:
      prompt: [hello, {number: count + 1}, {digits: text}, {prompt: only, language: bo-kham}]
      next: second
  second: {play: {prompt: notice, interruptible: false, no_person_key: "the law wants it heard", next: menu}}
  menu: {menu: {prompt: choose, keys: {1: seat, 2: bye}}}
  bye: {hangup: {}}
  seat: {queue: {queue: xining}}
"""


def test_speaks_prompts_and_values() -> None:
    caller = Walker(flows(FLOW))
    assert caller.heard == ["hello.zh", "number:8.zh", "digits:12.zh"]
    assert caller.listen().heard[-1] == "notice.zh"


def test_a_key_cuts_it_short_and_is_kept() -> None:
    caller = Walker(flows(FLOW)).keys("2")
    assert caller.at == "second"
    assert caller.listen().ended


def test_uninterruptible() -> None:
    caller = Walker(flows(FLOW)).listen()
    count = len(caller.actions)
    assert len(caller.keys("0").actions) == count
    assert caller.listen().queued


def test_a_missing_language_falls_back_to_the_flows_own() -> None:
    assert Walker(flows(FLOW), language="bo-kham").heard[0] == "hello.zh"
    assert Walker(flows(FLOW), language="en").heard[0] == "hello.en"
    assert Walker(flows(FLOW), language="fr").heard[0] == "hello.zh"


def test_a_value_that_cannot_be_computed_leads_to_a_person() -> None:
    caller = Walker(flows(FLOW.replace("count + 1", "count / (count - 7)")))
    assert caller.queued.queue == "xining"
    assert "divide by zero" in str(caller.session.take_trace()[0].variables["fault"])
