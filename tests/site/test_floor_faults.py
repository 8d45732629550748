"""Every contradiction of a floor is refused at its line, with what to do."""

import re
import shutil
from pathlib import Path

import pytest

from acd.ids import QueueId
from acd.plan import ALWAYS
from callrouter.config.document import ConfigError, read_document
from callrouter.site import check_site
from callrouter.site.floor import read_floor
from callrouter.site.floor_faults import never_met

SHIPPED = Path(__file__).parents[2] / "ivr_flows"

FLOOR = """\
skills: {zh: 普通话, english: 英语}
queues:
  main:
    max_wait: 600
    relaxation:
      - {after: 15, lower: 2}
      - {after: 30, drop: [english]}
    overflow:
      - {queue: night, after: 60}
  night:
    tiers: 1
    relaxation:
      - {after: 10, tiers: 2}
seats:
  a1: {skills: {zh: 8, english: 5}, queues: [main]}
  a2: {skills: {zh: 3}, queues: [{queue: night, tier: 2}]}
"""


def faults(*changes: tuple[str, str]) -> list[str]:
    text = FLOOR
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    try:
        read_floor(read_document(text, "floor.yaml"))
    except ConfigError as error:
        return [str(fault) for fault in error.faults]
    return []


def test_the_floor_is_fine_as_it_is() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("before", "after", "line", "said", "hint"),
    [
        ("english: 5}, queues", "englisch: 5}, queues", 15, "no skill 'englisch'", "english"),
        ("drop: [english]", "drop: [englsh]", 7, "no skill 'englsh'", "english"),
        ("  a2: {", "  a1: {", 16, "key 'a1' is given twice", "line 15"),
        ("queues: [main]", "queues: [main, main]", 15, "names queue 'main' twice", "Take one out"),
        ("queues: [main]", "queues: [mian]", 15, "no queue 'mian'", "main"),
        (
            "queues: [main]",
            "queues: [main], endpoint: PJSIP/a2",
            16,
            "seats 'a1' and 'a2' have the same phone 'PJSIP/a2'",
            "a phone of its own",
        ),
        ("{after: 30, drop", "{after: 15, drop", 7, "steps go backwards", "more than 15 seconds"),
        ("{after: 30, drop", "{after: 600, drop", 7, "this step never comes", "raise max_wait"),
        ("drop: [english]}", "drop: []}", 7, "this step changes nothing", "Add drop, lower or tiers"),
        ("lower: 2}", "drop: [english]}", 7, "changes nothing that is not so already", "Take it out"),
        (
            "{after: 10, tiers: 2}",
            "{after: 10, tiers: 1}",
            13,
            "nothing that is not so already",
            "Take it out",
        ),
        ("lower: 2}", "lower: 2, tiers: 1}", 6, "this step asks for more", "lower `tiers`"),
        (
            "    tiers: 1\n",
            "    tiers: 3\n",
            13,
            "this step asks for more: tier 3 serves already",
            "4 or more",
        ),
        (", after: 60}", "}", 9, "this overflow never opens: it has no condition", "Add after"),
        (", after: 60}", ", after: 900}", 9, "this overflow never opens: callers leave", "raise max_wait"),
        ("{queue: night, after", "{queue: main, after", 9, "overflow into itself", "another queue"),
        ("    max_wait: 600\n", "    max_wait: 600\n    strategy: longest\n", 5, "no strategy 'longest'", ""),
        (
            "    max_wait: 600\n",
            "    max_wait: 600\n    ring_count: 3\n",
            5,
            "ring_count has no effect",
            "ring_several",
        ),
        (
            "    max_wait: 600\n",
            "    max_wait: 10s\n",
            4,
            "must be a number, not '10s'",
            "Leave the unit out: 10",
        ),
        (
            "    max_wait: 600\n",
            "    max_wait: 600\n    announce_first: 600\n",
            5,
            "announce_first never comes: callers leave after max_wait, 600 seconds",
            "raise max_wait",
        ),
        ("    max_wait: 600\n", "    max_wait: 600\n    weight: 0\n", 5, "must be above 0, not 0", ""),
        ("queues: [main]", "queues: []", 15, "must have at least 1 entry", ""),
        ("  a2: {", "  2001: {", 16, "'2001' cannot be a name here", "Begin with a small letter a to z"),
        ("skills: {zh: 普", "timezone: Asia/Shangai\nskills: {zh: 普", 1, "no time zone", "Asia/Shanghai"),
        ("    max_wait: 600\n", "\tmax_wait: 600\n", 4, "a tab is used for indentation", "Use spaces"),
        ("tiers: 2}", "lower: 2}", 10, "nobody can serve queue 'night': the tiers of a2", "Raise `tiers`"),
    ],
)
def test_a_fault_has_its_line_and_its_remedy(
    before: str, after: str, line: int, said: str, hint: str
) -> None:
    found = faults((before, after))
    matching = [one for one in found if one.startswith(f"floor.yaml:{line}:") and said in one and hint in one]
    assert matching, found


def test_a_skill_that_no_seat_has_is_worth_a_word() -> None:
    text = FLOOR.replace("english: 英语}", "english: 英语, french: 法语}")
    (warning,) = read_floor(read_document(text, "floor.yaml")).warnings
    assert str(warning) == "floor.yaml:1:32: no seat has skill 'french'. Give it to a seat, or take it out"


EMPTY = """\
  empty: {overflow: [{queue: void, after: 5}]}
  void: {overflow: [{queue: empty, after: 5}]}
"""


def test_a_queue_whose_overflow_has_no_seat_either() -> None:
    found = faults(("  night:\n", EMPTY + "  night:\n"))
    assert [one for one in found if ":10:" in one and "nobody can serve queue 'empty'" in one], found
    assert [one for one in found if ":11:" in one and "has no seat that could help" in one], found


def test_demands_that_no_seat_can_ever_meet() -> None:
    reason = never_met(read_floor(read_document(FLOOR, "floor.yaml")).plan)
    assert reason("main", "zh>=9 & english") == ""
    assert reason("main", "english>=9") == "", "dropped after half a minute"
    assert (
        reason("night", "zh>=4")
        == "no seat of queue 'night' can ever serve 'zh>=4' (after all relaxation: 'zh>=4')"
    )
    assert "can ever serve" in reason("night", "english")
    assert reason("nowhere", "english") == "", "that is another fault"


def test_the_check_names_the_flow_that_asks_for_too_much(tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(SHIPPED, site)
    flow = site / "province.yaml"
    text = flow.read_text(encoding="utf-8")
    before = "queue: {queue: province, skills: mandarin, unstaffed: night_notice}"
    assert before in text
    flow.write_text(text.replace(before, before.replace("mandarin", "english>=9")), encoding="utf-8")
    found = [str(fault) for fault in check_site(site, audio=False).faults]
    line = text[: text.index(before)].count("\n") + 1
    assert any(f"province.yaml:{line}:" in one and "can ever serve 'english>=9'" in one for one in found), (
        found
    )


def changed(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """A copy of the shipped site with (file, before, after) changes."""
    shutil.copytree(SHIPPED, folder, dirs_exist_ok=True)
    for name, before, after in changes:
        file = folder / name
        text = file.read_text(encoding="utf-8")
        assert text.count(before) == 1, before
        file.write_text(text.replace(before, after), encoding="utf-8")
    return folder


SPECIALIST = ("site/floor.yaml", "    name: 专席\n", "    name: 专席\n    hours: office\n")
FRIDAY_NOON = 1_794_542_400.0  # 2026-11-13 12:00 in Shanghai: offices close for lunch
NIGHT = ("site/floor.yaml", "    name: 夜间值守\n", "    name: 夜间值守\n    hours: office\n")


def test_opening_hours_come_from_the_calendar(tmp_path: Path) -> None:
    checked = check_site(changed(tmp_path, SPECIALIST), FRIDAY_NOON, audio=False)
    assert checked.site is not None, checked.faults
    hours = {queue.queue: queue.hours for queue in checked.site.floor.queues}
    specialist = hours[QueueId("specialist")]
    assert specialist.open_at(FRIDAY_NOON - 1)
    assert not specialist.open_at(FRIDAY_NOON)
    assert specialist.changes_after(FRIDAY_NOON) == FRIDAY_NOON + 2.5 * 3600
    assert specialist.open_at(FRIDAY_NOON + 801 * 86_400), "worked out for two years, then open"
    assert hours[QueueId("province")] is ALWAYS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("site/floor.yaml", "    name: 专席\n", "    name: 专席\n    hours: ofice\n"),
            r"floor.yaml:\d+:12: no calendar 'ofice'. Did you mean 'office'\?",
        ),
        (
            ("site/floor.yaml", "name: 海东, organisation: haidong", "name: 海东, organisation: haidon"),
            r"floor.yaml:\d+:\d+: no organisation 'haidon'. Did you mean 'haidong'\?",
        ),
        (
            (
                "site/floor.yaml",
                "name: 西宁一席, organisation: xining",
                "name: 西宁一席, organisation: xinning",
            ),
            r"floor.yaml:\d+:\d+: no organisation 'xinning'. Did you mean 'xining'\?",
        ),
        (
            NIGHT,
            r"province.yaml:\d+:\d+: queue 'night' has opening hours, and nothing is said to callers when it "
            "is closed. Add `closed:` with the node that tells them, or `otherwise:`",
        ),
    ],
)
def test_hours_and_owners_must_exist_and_be_told(
    tmp_path: Path, change: tuple[str, str, str], said: str
) -> None:
    found = [str(fault) for fault in check_site(changed(tmp_path, change), audio=False).faults]
    assert any(re.search(said, one) for one in found), found


@pytest.mark.parametrize(("zone", "hours"), [("Asia/Shanghai", 8), ("Asia/Kathmandu", 5.75), ("UTC", 0)])
def test_the_days_counters_turn_at_midnight_of_the_place(tmp_path: Path, zone: str, hours: float) -> None:
    change = ("site/floor.yaml", "timezone: Asia/Shanghai", f"timezone: {zone} ")
    checked = check_site(changed(tmp_path, change), FRIDAY_NOON, audio=False)
    assert checked.site is not None
    assert checked.site.floor.day_offset == hours * 3600
