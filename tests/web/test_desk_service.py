"""The desk page says that the store is away, to whom it concerns, and that it is back: in a real browser."""

from dataclasses import replace
from pathlib import Path

import pytest

from acd.ids import AgentId, SeatId
from callrouter.operator_notices import Notice
from tests.web.browser import Page, browser
from tests.web.conftest import World
from tests.web.fakes import T0, seat_view
from tests.web.test_live import serving

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

AWAY = Notice(kind="store_away", since=T0, reason="ConnectionRefusedError: port 5432", waiting=12_300)
BANNER = "document.getElementById('service')"
SHOWN = f"!{BANNER}.hidden && {BANNER}.offsetHeight > 0"


async def enter(page: Page, url: str, user: str) -> None:
    token = f"sessionStorage.setItem('callrouter-token', 'token-{user}')"
    await page.command("Page.enable")
    await page.command("Page.addScriptToEvaluateOnNewDocument", source=token)
    await page.open(url)
    await page.until("document.getElementById('link')?.className === 'link up'")


async def test_a_supervisor_reads_what_works_and_what_to_do(world: World, tmp_path: Path) -> None:
    async with serving(world) as url, browser(tmp_path) as page:
        await enter(page, url, "boss")
        assert await page.run(f"{BANNER}.hidden")
        world.notices.show(AWAY)
        await page.until(SHOWN)
        text = await page.run(f"{BANNER}.innerText")
        for words in ("Calls go on", "13 kB", "do not sign out", "port 5432", "记录数据库", "disk has room"):
            assert words in text, words
        assert "lost" not in text
        world.notices.show(replace(AWAY, lost=7, waiting=2_500_000))
        await page.until(f"{BANNER}.className === 'lost'")
        text = await page.run(f"{BANNER}.innerText")
        assert "7 records are lost" in text
        assert "2.5 MB" in text
        world.notices.show()
        await page.until(f"{BANNER}.hidden")
        assert page.faults == []


async def test_an_agent_reads_only_what_concerns_them_and_works_on(world: World, tmp_path: Path) -> None:
    view = seat_view("s1", agent=AgentId("agent1"), state="not_ready", deeds=("ready",))
    world.engine.seats[SeatId("s1")] = view
    world.notices.show(AWAY)
    async with serving(world) as url, browser(tmp_path) as page:
        await enter(page, url, "agent1")
        await page.until(SHOWN)
        text = await page.run(f"{BANNER}.innerText")
        assert "do not sign out" in text
        assert "port 5432" not in text
        assert await page.run(f"{BANNER}.className") == "small"
        await page.until("!document.querySelector('[data-deed=ready]').disabled")
        world.notices.show()
        await page.until(f"{BANNER}.hidden")
        assert page.faults == []
