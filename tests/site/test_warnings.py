"""A calendar that lacks a year: told a quarter ahead by check and by what runs; no call stops for it."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from callrouter.flow.actions import Answered, MediaFinished, PlayMedia, ToQueue
from callrouter.flow.calendar import LOCAL
from callrouter.flow.session import CallFacts, FlowSession
from callrouter.site import load_site
from callrouter.site.site import Site, check_site

SHIPPED = Path(__file__).parents[2] / "ivr_flows"


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL).timestamp()


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(SHIPPED)


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("2026-09-01T10:00", []),
        ("2026-11-23T10:00", ["2027, which begins in 39 days"]),
        ("2027-01-05T10:00", ["2027, which has begun"]),
    ],
)
def test_the_running_system_says_what_check_says(site: Site, when: str, words: list[str]) -> None:
    told = site.warnings(at(when))
    checked = [str(fault) for fault in check_site(SHIPPED, at(when), audio=False).warnings]
    assert len(told) == len(words)
    for sentence, part in zip(told, words, strict=True):
        assert part in sentence
        assert "under `years: {2027" in sentence
        assert any(sentence in line for line in checked)


def test_calendars_of_queues_count_and_unused_ones_do_not(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("prompts"))
    (folder / "prompts").symlink_to(SHIPPED / "prompts")
    calendar, floor = folder / "site" / "calendar.yaml", folder / "site" / "floor.yaml"
    more = "  counter: {week: {mon-fri: [09:00-17:00]}}\n  idle: {week: {mon-fri: [09:00-17:00]}}\n"
    calendar.write_text(calendar.read_text(encoding="utf-8").replace("calendars:\n", "calendars:\n" + more))
    text = floor.read_text(encoding="utf-8").replace(
        "    name: 专席\n", "    name: 专席\n    hours: counter\n"
    )
    floor.write_text(text, encoding="utf-8")
    found = " ".join(load_site(folder).warnings(at("2026-12-01T10:00")))
    assert "'counter'" in found
    assert "'office'" in found
    assert "'idle'" not in found


def test_no_call_stops_for_it(site: Site) -> None:
    """Every day of a year that nobody knows, at every third hour: a silent caller reaches a queue."""
    for day in range(0, 365, 7):
        for hour in range(0, 24, 3):
            now = at("2029-01-01T00:30") + day * 86_400 + hour * 3_600
            session = FlowSession(site.flows, "prefecture", CallFacts(call="c", dialled="097112345"), now)
            session.start(now)
            action = session.handle(Answered(), now)[-1]
            for _ in range(20):
                if isinstance(action, ToQueue):
                    break
                if isinstance(action, PlayMedia):
                    actions = session.handle(MediaFinished(action.token), now)
                else:
                    assert session.deadline is not None
                    now = session.deadline
                    actions = session.tick(now)
                action = actions[-1] if actions else None  # type: ignore[assignment]
            assert isinstance(action, ToQueue)
