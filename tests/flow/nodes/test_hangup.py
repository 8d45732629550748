"""`hangup`."""

import pytest

from callrouter.config.document import ConfigError
from callrouter.flow.actions import Digit, EndCall
from tests.flow.walker import Walker, flow, flows

FLOW = "{flow: f, person: seat, start: bye, nodes: {bye: {hangup: {prompt: bye, cause: 17, reason: full}}, " \
    "seat: {queue: {queue: q}}}}"  # fmt: skip


def test_says_goodbye_then_ends() -> None:
    caller = Walker(flows(FLOW))
    assert not caller.session.finished
    assert caller.listen().last == EndCall(17, "full")
    assert caller.session.finished
    assert [(step.node, step.branch) for step in caller.session.take_trace()] == [("bye", "end")]
    assert caller.session.handle(Digit("0"), caller.now) == []
    assert caller.session.tick(caller.now + 1000) == []


def test_who_thinks_better_of_it_reaches_a_person() -> None:
    caller = Walker(flows(FLOW)).keys("5#")
    assert caller.playing is not None, "other keys do not cut the goodbye short"
    assert caller.keys("0").queued.queue == "q"


def test_a_goodbye_that_cannot_be_heard() -> None:
    assert Walker(flows(FLOW.replace("prompt: bye", "prompt: missing"))).ended
    assert Walker(flows(FLOW)).wait().ended


def test_cause_is_a_q850_cause() -> None:
    with pytest.raises(ConfigError, match="cause"):
        flow(FLOW.replace("17", "500"))
