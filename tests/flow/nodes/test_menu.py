"""`menu`."""

import pytest

from callrouter.flow.nodes.menu import MAX_REPEATS
from tests.flow.walker import Walker, flows

FLOW = """
flow: hotline
person: seat
start: menu
nodes:
  menu:
    menu:
      prompt: choose
      keys: {1: bye, 12: news, 9: lines}
      repeat: "*"
      silence_prompt: silent
      wrong_prompt: wrong
      silence: quiet
      wrong: odd
  bye: {hangup: {}}
  news: {play: {prompt: news}}
  lines: {play: {prompt: lines}}
  quiet: {play: {prompt: quiet}}
  odd: {play: {prompt: odd}}
  seat: {queue: {queue: xining}}
"""


@pytest.fixture
def caller() -> Walker:
    return Walker(flows(FLOW))


def test_longer_runs_of_keys(caller: Walker) -> None:
    assert caller.keys("12").at == "news"


def test_a_pause_ends_a_run(caller: Walker) -> None:
    assert caller.keys("1").at == "menu"
    assert caller.wait(3).ended


def test_a_run_that_fits_nothing_is_wrong(caller: Walker) -> None:
    assert caller.keys("13").heard[-2:] == ["wrong.zh", "choose.zh"]


def test_silence_twice(caller: Walker) -> None:
    caller.listen().wait(5)
    assert caller.heard == ["choose.zh", "silent.zh", "choose.zh"]
    assert caller.listen().wait(5).at == "quiet"


def test_mistakes_and_silences_share_one_count(caller: Walker) -> None:
    caller.keys("7")
    assert caller.listen().wait(5).at == "quiet"
    other = Walker(flows(FLOW))
    assert other.listen().wait(5).keys("7").at == "odd"


def test_repeat(caller: Walker) -> None:
    caller.keys("*")
    assert caller.heard == ["choose.zh", "choose.zh"]
    caller.keys("*" * MAX_REPEATS)
    assert caller.heard.count("wrong.zh") == 1


def test_wait_runs_from_the_end_of_the_prompt(caller: Walker) -> None:
    caller.wait(20)
    assert caller.heard == ["choose.zh"]
    caller.listen().wait(4.9)
    assert caller.heard == ["choose.zh"]


def test_no_wait_takes_silence_as_the_answer() -> None:
    caller = Walker(flows(FLOW.replace("repeat:", "wait: 0\n      repeat:")))
    assert caller.listen().heard[1:] == ["silent.zh", "choose.zh"]
    assert caller.listen().at == "quiet"


def test_an_inaudible_menu_still_listens() -> None:
    caller = Walker(flows(FLOW.replace("prompt: choose", "prompt: missing_prompt")))
    assert caller.heard == []
    assert caller.keys("9").at == "lines"


def test_zero_leads_to_a_person_unless_the_menu_says_why_not(caller: Walker) -> None:
    assert caller.keys("0").queued
    own = Walker(flows(FLOW.replace("9: lines", "0: lines")))
    assert own.keys("0").at == "lines"
    off = Walker(flows(FLOW.replace("repeat:", "no_person_key: nobody is there\n      repeat:")))
    assert off.keys("0").heard[-2:] == ["wrong.zh", "choose.zh"]


def test_type_ahead_zero_reaches_a_person() -> None:
    caller = Walker(
        flows(FLOW.replace("start: menu", "start: news").replace("prompt: news", "prompt: news, next: menu"))
    )
    assert caller.keys("0").queued


def test_back_from_the_queue(caller: Walker) -> None:
    assert caller.keys("0").comes_back("timeout").queued.last_resort
