"""The desk's page in a real browser: which buttons a state leaves open, and what its keys ask for."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from acd.events import Intent, TransferAsked, TransferCompleted
from acd.ids import AgentId, CallId, SeatId
from acd.transfer import LIVE, ROWS, TransferEvent, TransferState
from callrouter.ports import CallView, LegView
from tests.web.browser import Page, browser
from tests.web.conftest import World
from tests.web.fakes import T0, call_view, seat_view
from tests.web.test_live import serving

pytestmark = pytest.mark.slow

OPEN = """[
  ...document.querySelectorAll("#call-deeds button:enabled, #in-transfer:not([hidden]) button:enabled"),
].filter((button) => !button.hidden).map((button) => button.dataset.deed).join(" ")"""
ANSWERED = "performance.getEntriesByName(`${location.origin}/api/v1/seats/s1/transfer/complete`).length"
LINES = 'document.querySelectorAll("#lines button:enabled").length'
SHOWN = '!document.querySelector("#in-transfer").hidden'
IN_TALK = "hold hang-up"
DEEDS = {
    "transfer/complete": TransferEvent.CONSULT_COMPLETED,
    "transfer/three-party": TransferEvent.THREE_PARTY,
    "transfer/swap": TransferEvent.SWAP,
    "transfer/cancel": TransferEvent.CONSULT_CANCELLED,
}
"""In the page's order."""


@asynccontextmanager
async def desk(world: World, profile: Path) -> AsyncIterator[Page]:
    """agent1 at seat s1, in a conversation."""
    seat = seat_view("s1", agent=AgentId("agent1"), state="talking", call=CallId("c1"))
    world.engine.seats[SeatId("s1")] = seat
    world.engine.calls[CallId("c1")] = call_view("c1")
    token = 'sessionStorage.setItem("callrouter-token", "token-agent1")'
    async with serving(world) as url, browser(profile) as page:
        await page.command("Page.enable")
        await page.command("Page.addScriptToEvaluateOnNewDocument", source=token)
        await page.open(url)
        await shows(page, LINES, 1)
        yield page


async def shows(page: Page, script: str, wanted: str | int) -> None:
    await page.until(f"({script}) === {json.dumps(wanted)}")


async def press(page: Page, key: str) -> None:
    await page.command("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
    await page.command("Input.dispatchKeyEvent", type="keyUp", key=key)


def in_transfer(state: str, parties: int = 3) -> CallView:
    legs = [LegView(role="caller", party="", activity="talk", since=T0)]
    legs += [LegView(role="seat", party="s1", activity="talk", since=T0)]
    legs += [LegView(role="partner", party=f"1231{n}", activity="talk", since=T0) for n in range(parties - 2)]
    return replace(call_view("c1"), transfer_state=state, transfer_target="12315", legs=tuple(legs))


async def test_each_state_of_a_transfer_leaves_the_buttons_that_the_table_grants(
    world: World, tmp_path: Path
) -> None:
    async with desk(world, tmp_path) as page:
        assert await page.run(OPEN) == IN_TALK
        for state in TransferState:
            talks = state is TransferState.CONFERENCE or state not in LIVE
            world.engine.change_seat("s1", state="talking" if talks else "consulting")
            world.engine.change_call(in_transfer(state.value))
            open_ = [deed for deed, event in DEEDS.items() if (state, event) in ROWS]
            await shows(page, OPEN, " ".join(["hang-up", *open_]) if state in LIVE else IN_TALK)
            await shows(page, LINES, int(talks))
            assert await page.run(SHOWN) is (state in LIVE), state
        world.engine.change_call(in_transfer("conference", parties=4))
        await shows(page, LINES, 0)


async def test_the_next_transfer_begins_and_a_three_party_call_ends_by_keys(
    world: World, tmp_path: Path
) -> None:
    def asked() -> list[type[Intent]]:
        return [type(intent) for intent in world.engine.submitted]

    async with desk(world, tmp_path) as page:
        world.engine.change_call(in_transfer("returned", 2))
        await shows(page, 'document.querySelector("#legs").children.length', 2)
        await page.run('document.querySelector("#lines button").click()')
        world.engine.change_call(in_transfer("conference"))
        await shows(page, OPEN, "hang-up transfer/complete transfer/cancel")
        await press(page, "c")
        await shows(page, ANSWERED, 1)
    assert asked() == [TransferAsked, TransferCompleted]
