"""`language`."""

from tests.flow.walker import Walker, flows

FLOW = """
flow: hotline
languages: [zh, en]
person: seat
start: english
nodes:
  english: {language: {to: en, next: way}}
  way: {switch: {cases: [{when: 'language == "en"', next: hello}]}}
  hello: {play: {prompt: hello, next: seat}}
  seat: {queue: {queue: xining}}
"""


def test_prompts_expressions_and_queue_see_it() -> None:
    caller = Walker(flows(FLOW))
    assert caller.heard == ["hello.en"]
    assert caller.listen().queued.language == "en"
    assert caller.session.language == "en"
