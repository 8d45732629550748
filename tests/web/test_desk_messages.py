"""The messages on the desk page, in a real browser: seen, heard, marked, deleted."""

import wave
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.stage import serving
from tests.web.browser import Page, browser
from tests.web.conftest import World
from tests.web.fakes import T0, message_view

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

ROWS = "document.querySelectorAll('#messages tbody tr')"


@pytest.fixture
def left(world: World, tmp_path: Path) -> World:
    for number, at in (("m1", T0 - 60), ("m2", T0 - 600)):
        file = tmp_path / f"{number}.wav"
        with wave.open(str(file), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(b"\0\1" * 4000)
        world.mailboxes.found[number] = message_view(number, received=at)
        world.mailboxes.sounds[number] = file
    return world


async def sign_in(page: Page, url: str, user: str) -> None:
    await page.open(url)
    await page.until("document.getElementById('sign-in')?.hidden === false")
    await page.run(
        f"(form => {{ form.elements.user.value = '{user}'; form.elements.password.value = 'secret-{user}';"
        " form.requestSubmit(); })(document.getElementById('sign-in'))"
    )


def button(row: int, label: str) -> str:
    return f"[...{ROWS}[{row}].querySelectorAll('button')].find(one => one.textContent.includes('{label}'))"


async def test_a_supervisor_hears_marks_and_deletes(left: World, tmp_path: Path) -> None:
    with serving(left) as url:
        async with browser(tmp_path) as page:
            await sign_in(page, url, "boss")
            await page.until(f"{ROWS}.length === 2")
            text = await page.run("document.getElementById('messages').innerText")
            assert "138****5678" in text
            assert "2/2" in text
            await page.run(f"{button(0, 'Play')}.click()")
            await page.until(f"{ROWS}[0].innerText.includes('boss')")
            assert left.mailboxes.found["m1"].heard_by == "boss"
            await page.run(f"{button(0, 'New')}.click()")
            await page.until(f"!{ROWS}[0].innerText.includes('boss')")
            await page.run(f"(window.confirm = () => true) && {button(0, 'Delete')}.click()")
            await page.until(f"{ROWS}.length === 1")
            assert set(left.mailboxes.found) == {"m2"}
            await page.run("document.getElementById('sign-out').click()")
            await page.until("document.getElementById('messages').hidden")
            assert await page.run(f"{ROWS}.length") == 0, "nothing is left for the next one at this desk"
            assert page.faults == []


@pytest.mark.parametrize(("user", "labels"), [("auditor", ["播放 Play"]), ("engineer", [])])
async def test_who_may_less_has_fewer_buttons(
    left: World, tmp_path: Path, user: str, labels: list[str]
) -> None:
    with serving(left) as url:
        async with browser(tmp_path) as page:
            await sign_in(page, url, user)
            await page.until(f"{ROWS}.length === 2")
            found = await page.run(f"[...{ROWS}[0].querySelectorAll('button')].map(one => one.textContent)")
            assert found == labels


async def test_an_agent_sees_none(left: World, tmp_path: Path) -> None:
    with serving(left) as url:
        async with browser(tmp_path) as page:
            await sign_in(page, url, "agent1")
            await page.until("document.getElementById('desk').hidden === false")
            assert await page.run("document.getElementById('messages').hidden")


async def test_an_erased_message_is_no_broken_one(left: World, tmp_path: Path) -> None:
    left.mailboxes.found["m1"] = replace(left.mailboxes.found["m1"], erased=T0, erased_by="shell:li")
    with serving(left) as url:
        async with browser(tmp_path) as page:
            await sign_in(page, url, "boss")
            await page.until(f"{ROWS}.length === 2")
            row = await page.run(f"{ROWS}[0].innerText")
            assert "erased on request by shell:li" in row
            assert "Play" not in row
            assert "Delete" in row
            assert "1/2" in await page.run("document.getElementById('messages').innerText")
            assert page.faults == []
