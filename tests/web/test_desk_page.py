"""The desk's page in a real browser: which buttons a state leaves open, and what its keys ask for."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from acd import events as e
from acd.deeds import EVENTS, TRIGGERS, Deed
from acd.events import Intent, TransferAsked, TransferCompleted
from acd.ids import AgentId, CallId, SeatId
from callrouter.controller.views import call_view as view_of_call
from callrouter.controller.views import seat_view as view_of_seat
from callrouter.ports import CallView, LegView
from tests.router.test_slice import in_talk as in_conversation
from tests.router.world import World as RealWorld
from tests.web.browser import Page, browser
from tests.web.conftest import World
from tests.web.fakes import T0, call_view, line_view
from tests.web.fakes import seat_view as fake_seat
from tests.web.test_live import serving

pytestmark = pytest.mark.slow

OPEN = """[
  ...document.querySelectorAll("[data-deed]:enabled"),
].filter((button) => button.offsetParent).map((button) => button.dataset.deed).sort().join(" ")"""
ANSWERED = "performance.getEntriesByName(`${location.origin}/api/v1/seats/s1/transfer/complete`).length"
LINES = 'document.querySelectorAll("#lines button:enabled").length'
SHOWN = '!document.querySelector("#in-transfer").hidden'
SITUATION = 'document.querySelector("#transfer-state").textContent.replace(/\\s+/g, " ").trim()'
NEXT = 'document.querySelector("#next:not([hidden])")?.textContent.replace(/\\s+/g, " ").trim()'
LEAVE = 'document.querySelector("[data-deed=hang-up] em").textContent'
AS_A_SEAT = {"a1002": "s1", "a1003": "s2"}
"""Seats of the shipped province, by those of the page."""
STATE_OF = {Deed.ANSWER: "ringing", Deed.DECLINE: "ringing", Deed.EXTEND: "wrap_up"}
"""States in which the page has a place for a deed; all others: in talk."""


@asynccontextmanager
async def desk(world: World, profile: Path, user: str = "agent1") -> AsyncIterator[Page]:
    """An agent at their seat, in a conversation."""
    seat = f"s{user[-1]}"
    view = fake_seat(seat, agent=AgentId(user), state="talking", call=CallId("c1"))
    world.engine.seats[SeatId(seat)] = view
    world.engine.calls[CallId("c1")] = in_talk("hang-up", "hold", "transfer")
    token = f'sessionStorage.setItem("callrouter-token", "token-{user}")'
    async with serving(world) as url, browser(profile) as page:
        await page.command("Page.enable")
        await page.command("Page.addScriptToEvaluateOnNewDocument", source=token)
        await page.open(url)
        await page.until('document.querySelectorAll("#lines button").length')
        yield page


async def shows(page: Page, script: str, wanted: str | int | bool) -> None:
    await page.until(f"({script}) === {json.dumps(wanted)}")


async def press(page: Page, key: str) -> None:
    await page.command("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
    await page.command("Input.dispatchKeyEvent", type="keyUp", key=key)


def in_talk(*deeds: str, state: str = "") -> CallView:
    caller = LegView(role="caller", party="", activity="talk", since=T0)
    mine = LegView(role="seat", party="s1", activity="talk", since=T0, deeds=deeds)
    partner = LegView(role="partner", party="12315", activity="talk", since=T0)
    return replace(
        call_view("c1"),
        transfer_state=state,
        transfer_target="12315" if state else "",
        transfer_by=SeatId("s1") if state else None,
        legs=(caller, mine, partner),
    )


def shown_seat(world: World, real: RealWorld, seat: str) -> None:
    """A seat of a real router, as the page's."""
    view = view_of_seat(real.router, SeatId(seat))
    name = AS_A_SEAT[seat]
    world.engine.change_seat(
        name,
        agent=AgentId(f"agent{name[1]}"),
        state=view.state,
        next_state=view.next_state,
        call=CallId("c1"),
        deeds=view.deeds,
    )


def shown_call(world: World, real: RealWorld) -> None:
    (live,) = real.router.calls.values()
    view = view_of_call(real.router, live)
    legs = tuple(replace(leg, party=AS_A_SEAT.get(leg.party, leg.party)) for leg in view.legs)
    target = AS_A_SEAT.get(view.transfer_target, view.transfer_target)
    by = SeatId(AS_A_SEAT[view.transfer_by]) if view.transfer_by else None
    world.engine.change_call(
        replace(view, call=CallId("c1"), legs=legs, transfer_target=target, transfer_by=by)
    )


async def test_each_button_is_open_when_the_server_says_so(world: World, tmp_path: Path) -> None:
    """The panels that a state shows, then one deed after the other."""
    async with desk(world, tmp_path) as page:
        for deed in sorted(set(Deed) - {Deed.SIGN_IN, Deed.FINISH}):
            mine = (deed,) if deed in TRIGGERS else ()
            world.engine.change_seat("s1", state=STATE_OF.get(deed, "talking"), deeds=mine)
            state = "consulting" if deed in EVENTS else ""
            world.engine.change_call(in_talk(*[] if mine else [deed], state=state))
            await shows(page, OPEN, "" if deed is Deed.TRANSFER else deed)
            await shows(page, LINES, int(deed is Deed.TRANSFER))


async def test_each_side_of_a_consultation_reads_where_it_stands(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    real = RealWorld(("a1002", "a1003"))
    in_conversation(real)

    def show() -> None:
        for seat in AS_A_SEAT:
            shown_seat(world, real, seat)
        shown_call(world, real)

    one, other = "a1002", "a1003"
    mine, theirs = tmp_path_factory.mktemp("mine"), tmp_path_factory.mktemp("theirs")
    async with desk(world, mine) as first, desk(world, theirs, "agent2") as second:

        async def open_to(transferor: str, colleague: str) -> None:
            show()
            always = "not-ready ready sign-out"
            await shows(first, OPEN, " ".join(sorted(f"{always} {transferor}".split())))
            await shows(second, OPEN, " ".join(sorted(f"{always} {colleague}".split())))

        real.handle(e.TransferAsked(seat=SeatId(one), target=other))
        await open_to("hang-up transfer/complete transfer/cancel", "answer decline hang-up")
        assert "asks for your help" in await second.run(SITUATION)
        real.answer(real.leg(other))
        granted = "hang-up transfer/complete transfer/cancel transfer/swap transfer/three-party"
        await open_to(granted, "hang-up")
        assert "you speak with s2 座席 s2; the caller hears music" in await first.run(SITUATION)
        assert "s1 座席 s1 consults you" in await second.run(SITUATION)
        assert await first.run(LEAVE) == "Hang up and hand over"
        assert await second.run(LEAVE) == "Leave the call"
        real.handle(e.TransferSwapped(seat=SeatId(one)))
        await open_to(granted, "hang-up")
        assert "you speak with the caller" in await first.run(SITUATION)
        assert "please wait" in await second.run(SITUATION)
        real.handle(e.TransferSwapped(seat=SeatId(one)))
        real.handle(e.ThreePartyAsked(seat=SeatId(one)))
        await open_to("hang-up transfer/complete transfer/cancel", "hang-up")
        assert "three-party" in await second.run(SITUATION)
        real.handle(e.SeatNotReadied(seat=SeatId(one), reason="break"))
        show()
        await shows(first, NEXT, "通话后:示忙 after this call: not ready")
        real.handle(e.TransferCompleted(seat=SeatId(one)))
        await open_to("wrap-up/extend", "hang-up hold")
        assert await second.run(SHOWN) is False
        assert not first.faults + second.faults


async def test_the_next_transfer_begins_and_a_three_party_call_ends_by_keys(
    world: World, tmp_path: Path
) -> None:
    def asked() -> list[type[Intent]]:
        return [type(intent) for intent in world.engine.submitted]

    async with desk(world, tmp_path) as page:
        world.engine.change_call(in_talk("hang-up", "hold", "transfer", state="returned"))
        await shows(page, LINES, 1)
        await page.run('document.querySelector("#lines button").click()')
        world.engine.change_call(in_talk("hang-up", "transfer/complete", state="conference"))
        await shows(page, OPEN, "hang-up transfer/complete")
        await press(page, "w")
        await press(page, "c")
        await shows(page, ANSWERED, 1)
    assert asked() == [TransferAsked, TransferCompleted]


async def test_the_keys_say_which_line_cannot_be_reached(world: World, tmp_path: Path) -> None:
    world.engine.lines = [line_view("12315", refusal="line_down"), line_view("12333", name="社保")]
    words = '(key) => key.innerText.replace(/\\s+/g, " ")'
    keys = f'[...document.querySelectorAll("#lines button")].map({words})'
    async with desk(world, tmp_path) as page:
        await shows(page, f"{keys}.join()", "12315 消费者投诉举报 不通 down,12333 社保")
        await shows(page, LINES, 2)
        assert not page.faults
