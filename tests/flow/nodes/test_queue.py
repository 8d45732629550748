"""`queue`."""

import pytest

from callrouter.config.document import ConfigError
from callrouter.flow.actions import ToQueue
from tests.flow.walker import Walker, flow, flows

FLOW = """
flow: hotline
person: seat
start: tibetan
nodes:
  tibetan:
    queue:
      queue: province
      choose: organisation
      among: [yushu, golog]
      skills: bo-kham | bo-amdo
      priority: 7
      sticky: true
      music: calm
      wait_at_most: 300
      announce: {after: 30, every: 90}
      callback_after: 0
      full: bye
      callback: bye
      otherwise: seat
      next: bye
  bye: {hangup: {reason: served}}
  seat: {queue: {queue: xining}}
"""


def test_all_settings_reach_the_queue() -> None:
    assert Walker(flows(FLOW), organisation="yushu").queued == ToQueue(
        queue="yushu", skills="bo-kham | bo-amdo", priority=7, sticky="last", music="calm", wait_at_most=300,
        announce_after=30, announce_every=90, callback_after=0, comes_back=True,
    )  # fmt: skip


def test_a_queue_not_among_them_is_not_taken() -> None:
    assert Walker(flows(FLOW), organisation="shadow").queued.queue == "province"


@pytest.mark.parametrize("reason", ["full", "callback"])
def test_named_reasons(reason: str) -> None:
    assert Walker(flows(FLOW)).comes_back(reason).ended.reason == "served"


@pytest.mark.parametrize("reason", ["timeout", "closed", "something new", ""])
def test_other_reasons(reason: str) -> None:
    assert Walker(flows(FLOW)).comes_back(reason).queued == ToQueue(queue="xining")


def test_after_the_conversation() -> None:
    assert Walker(flows(FLOW)).comes_back("seat_left", "conversation").ended.reason == "served"
    caller = Walker(flows(FLOW)).comes_back("timeout").comes_back("seat_left", "conversation")
    assert caller.ended.reason == "conversation over"


def test_a_conversation_broken_off_by_a_fault_leads_to_a_person_again() -> None:
    caller = Walker(flows(FLOW)).comes_back("line_broken", "conversation")
    assert caller.queued == ToQueue(queue="xining")
    assert caller.comes_back("line_broken", "conversation").queued.last_resort


def test_keys_while_waiting_do_not_leak_into_the_flow() -> None:
    caller = Walker(flows(FLOW)).keys("000")
    assert caller.queued.queue == "province"


def test_choose_needs_among() -> None:
    with pytest.raises(ConfigError, match="belong together"):
        flow(FLOW.replace("      among: [yushu, golog]\n", ""))
