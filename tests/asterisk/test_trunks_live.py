"""The router's Asterisk and the partners' Asterisk, joined by the province's own directory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from callrouter.directory import load_directory
from callrouter.toolchain import asterisk_files
from callrouter.toolchain.accounts import trunk_accounts
from callrouter.toolchain.asterisk import AsteriskPlan, AsteriskServer, render
from simulators.partners import ADDRESS, Behaviour, Kind, Partners, tone
from simulators.partners_link import Event, PartnersLink
from tests.asterisk.ari_desk import AriDesk, ari_desk
from tests.asterisk.raw_sip import free_port

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="module")
async def partners(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Partners]:
    lines = Partners(asterisk_files(), tmp_path_factory.mktemp("partners"), ("127.0.0.1", free_port()))
    await lines.start()
    yield lines
    await lines.stop()


@pytest.fixture(scope="module")
async def router(
    partners: Partners, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AsteriskServer]:
    accounts = trunk_accounts(
        load_directory(Path("ivr_flows/site/directory.yaml")),
        proxies=dict.fromkeys(("departments", "prefectures", "emergency"), partners.proxy),
        addresses={"carrier": ("127.0.0.1",), "departments": (ADDRESS,)},
    )
    plan = AsteriskPlan(
        asterisk_files(),
        sip_port=partners.router[1],
        http_port=free_port(),
        ami_port=free_port(),
        rtp_first=34000,
        rtp_last=34999,
        trunks=tuple(replace(one, allow_transfer=one.name == "departments") for one in accounts),
    )
    running = AsteriskServer(render(plan, tmp_path_factory.mktemp("router")))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def desk(router: AsteriskServer, partners: Partners) -> AsyncIterator[AriDesk]:
    async with ari_desk(router.rendered) as opened:
        yield opened
        await opened.clear()
    partners.reset()


async def dial(desk: AriDesk, endpoint: str, leg: str = "leg-1", **variables: str) -> None:
    await desk.ask(
        "POST",
        f"/channels/{leg}",
        {"variables": variables},
        endpoint=endpoint,
        app="callrouter",
        appArgs="leg",
        callerId="13909710001",
        timeout=20,
    )


async def test_log_is_clean_with_all_trunks(router: AsteriskServer, partners: Partners) -> None:
    assert router.log_faults() == []
    assert partners.log_faults() == []


@pytest.mark.parametrize(
    ("number", "trunk"), [("12315", "departments"), ("097412345", "prefectures"), ("120", "emergency")]
)
async def test_context_travels_with_the_call(
    desk: AriDesk, partners: Partners, number: str, trunk: str
) -> None:
    await dial(
        desk,
        f"PJSIP/{number}@{trunk}",
        f"leg-{number}",
        **{"PJSIP_HEADER(add,User-to-User)": "00c0ffee;encoding=hex;purpose=callrouter"},
    )
    call = await partners.call_of(number)
    assert call.header("User-to-User") == "00c0ffee;encoding=hex;purpose=callrouter"
    assert "sip:13909710001@" in call.header("P-Asserted-Identity")
    assert "13909710001" in call.header("From")
    start = await desk.event("StasisStart")
    assert start["channel"]["id"] == f"leg-{number}"
    await desk.ask("DELETE", f"/channels/leg-{number}")
    await partners.wait(lambda: call.ended is not None)


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (Behaviour(kind=Kind.REJECT, status=486), 17),
        (Behaviour(kind=Kind.REJECT, status=603), 21),
        (Behaviour(kind=Kind.REJECT, status=600), 17),
        (Behaviour(kind=Kind.REJECT, status=404), 1),
        (Behaviour(kind=Kind.REJECT, status=480), 19),
        (Behaviour(kind=Kind.REJECT, status=503), 34),
        (Behaviour(kind=Kind.REJECT, status=500), 38),
    ],
    ids=lambda one: str(one.status) if isinstance(one, Behaviour) else str(one),
)
async def test_refusals_arrive_as_causes(
    desk: AriDesk, partners: Partners, behaviour: Behaviour, cause: int
) -> None:
    partners.set("12333", behaviour)
    await dial(desk, "PJSIP/12333@departments")
    ended = await desk.event("ChannelDestroyed")
    assert ended["cause"] == cause


async def test_partner_that_calls_is_known_by_its_address(desk: AriDesk, partners: Partners) -> None:
    calling = asyncio.create_task(
        partners.dial("12315", caller="13909710009", headers={"User-to-User": "00ab;encoding=hex"})
    )
    start = await desk.event("StasisStart")
    assert start["args"][:2] == ["caller", "departments"]
    assert start["channel"]["caller"]["number"] == "13909710009"
    await desk.ask("POST", f"/channels/{start['channel']['id']}/answer")
    call = await calling
    await partners.hang_up(call)
    await desk.event("StasisEnd")


async def test_refer_of_a_trusted_trunk_is_told_and_moves_nothing(desk: AriDesk, partners: Partners) -> None:
    await dial(desk, "PJSIP/12366@departments")
    call = await partners.call_of("12366")
    await desk.event("StasisStart")
    await partners.refer(call, "12345")
    told = await desk.event("ChannelTransfer")
    assert "12345" in str(told["refer_to"])
    assert "leg-1" in [one["id"] for one in await desk.ask("GET", "/channels")]


async def test_refer_of_another_trunk_is_declined(desk: AriDesk, partners: Partners) -> None:
    await dial(desk, "PJSIP/097112345@prefectures")
    call = await partners.call_of("097112345")
    await partners.refer(call, "12345")
    await partners.wait(lambda: "refer-FAILURE" in call.states)
    assert "leg-1" in [one["id"] for one in await desk.ask("GET", "/channels")]


async def test_options_tell_of_a_trunk_that_dies_and_lives_again(
    router: AsteriskServer, partners: Partners, desk: AriDesk
) -> None:
    status: dict[str, str] = {}
    changed = asyncio.Event()

    def happened(event: Event) -> None:
        if event.get("Event") == "ContactStatus":
            status[event["AOR"]] = event["ContactStatus"]
            changed.set()

    async def until(done: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not done():
                changed.clear()
                await changed.wait()

    link, rendered = PartnersLink(happened), router.rendered
    await link.open(rendered.ami_host, rendered.ami_port, rendered.ami_user, rendered.ami_password)
    await link.act("Command", Command="pjsip qualify emergency")
    partners.silence(True)
    await until(lambda: status.get("emergency-options") == "Unreachable")
    partners.silence(False)
    # The line is tried all the same: OPTIONS that were lost refuse nobody the ambulance.
    await dial(desk, "PJSIP/120@emergency", "leg-120")
    call = await partners.call_of("120")
    await partners.hang_up(call)
    await until(lambda: status["emergency-options"] == "Reachable")
    # Whichever other trunk was asked during the silence: the tests that follow need it.
    for name in [name for name, said in status.items() if said == "Unreachable"]:
        await link.act("Command", Command=f"pjsip qualify {name.removesuffix('-options')}")
    await until(lambda: "Unreachable" not in status.values())
    await link.close()


async def test_tone_of_the_line_reaches_a_bridge(desk: AriDesk, partners: Partners) -> None:
    """Two lines in one bridge hear each other: the path of every transfer."""
    partners.set("12315", Behaviour(record=True))
    await dial(desk, "PJSIP/12315@departments", "leg-a")
    await dial(desk, "PJSIP/12333@departments", "leg-b")
    first, second = await partners.call_of("12315"), await partners.call_of("12333")
    for leg in ("leg-a", "leg-b"):
        await desk.event("StasisStart", lambda one, leg=leg: one["channel"]["id"] == leg)
    await desk.ask("POST", "/bridges/b1", type="mixing")
    await desk.ask("POST", "/bridges/b1/addChannel", channel="leg-a,leg-b")
    for leg in ("leg-a", "leg-b"):
        await desk.event("ChannelEnteredBridge", lambda one, leg=leg: one["channel"]["id"] == leg)
    await partners.press(second, "3")
    await partners.wait(lambda: first.digits == "3")
    await asyncio.sleep(0.5)
    await partners.hang_up(first)
    heard = (await partners.heard(first))[-4000:]
    spectrum = np.abs(np.fft.rfft(heard))
    assert spectrum.argmax() * 2 == pytest.approx(tone("12333"), abs=5)
    await desk.ask("DELETE", "/bridges/b1")
