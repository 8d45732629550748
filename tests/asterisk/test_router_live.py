"""Messages, recordings, REFER and the lines' health on a real Asterisk: files and ears decide."""

import asyncio
import re
import shutil
import sqlite3
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from acd import events as e
from acd.ids import AgentId, SeatId
from callrouter.cli.province import Province, Wishes
from simulators.audio import load, tone_seconds
from simulators.partners import tone
from simulators.softphone import Softphone, SoftphonePool
from tests.asterisk.exchange import eventually
from tests.asterisk.hotline import SITE, Hotline
from tests.asterisk.raw_sip import Dialog, Phone

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

CALLER_HZ, SEAT_HZ = 700, 1100
FLOW = """
flow: province
languages: [zh]
person: seat
start: menu
nodes:
  menu:
    menu:
      prompt: greeting_province
      keys: {1: message, 2: colleague, 3: outside, 4: promise}
  message:
    voicemail:
      {prompt: please_hold, mailbox: complaints, silence_seconds: 3, tries: 1, next: bye, empty: seat}
  colleague: {transfer: {seat: a1003, next: bye}}
  outside: {transfer: {number: "12333", next: bye}}
  promise: {callback: {queue: province, next: bye, refused: seat}}
  bye: {hangup: {prompt: thanks_for_holding, reason: done, without_person: the number is a test}}
  seat: {queue: {queue: province}}
"""


@pytest.fixture(scope="module")
async def province(
    tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool
) -> AsyncIterator[Hotline]:
    folder = tmp_path_factory.mktemp("router")
    site = folder / "site"
    shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("prompts", "*.yaml"))
    (site / "prompts").symlink_to(SITE / "prompts")
    for name in ("directory", "floor"):
        text = (SITE / "site" / f"{name}.yaml").read_text(encoding="utf-8")
        for other in ("prefecture", "merged_line", "one_layer"):
            text = text.replace(f"flow: {other}", "flow: province")
        text = text.replace(
            "emergency: {name", "outbound: {name: 外呼中继, refer: true}\n  emergency: {name", 1
        )
        text = text.replace("    name: 省级热线\n", "    name: 省级热线\n    record: talk\n")
        (site / "site" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (site / "province.yaml").write_text(FLOW, encoding="utf-8")
    world = Province(Wishes(site=site, state_dir=folder / "state", robots=0))
    async with world, aiohttp.ClientSession() as session:
        yield Hotline(world, phone_pool, session)


@pytest.fixture
async def hotline(province: Hotline) -> AsyncIterator[Hotline]:
    yield province
    await province.clear()


async def kept(hotline: Hotline, table: str, call: str) -> list[dict[str, Any]]:
    """What the store has of a call."""
    app = hotline.province.app
    await app.after_call.finish()
    await app.writer.flush()
    store = sqlite3.connect(app.settings.state_dir / "callrouter.sqlite")
    store.row_factory = sqlite3.Row
    try:
        rows = store.execute(f"SELECT * FROM {table} WHERE call = ? ORDER BY id", (call,))
        return [dict(row) for row in rows]
    finally:
        store.close()


def spool(hotline: Hotline) -> Path:
    return Path(hotline.province.asterisk.rendered.folder) / "var" / "spool"


async def pressed(hotline: Hotline, keys: str) -> tuple[Softphone, str]:
    caller = await hotline.caller()
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    await caller.send_digits(keys)
    return caller, call


async def hears_tone(phone: Softphone, hertz: float, seconds: float = 0.8, within: float = 8.0) -> None:
    since = time.monotonic()
    while True:
        await asyncio.sleep(0.4)
        if tone_seconds((await phone.heard(since)).samples, hertz) >= seconds:
            return
        assert time.monotonic() - since < within, f"no {hertz} Hz"


# --- messages -----------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["key", "silence", "hang-up"])
async def test_a_message_is_on_disk_and_in_the_store(hotline: Hotline, ending: str) -> None:
    caller, call = await pressed(hotline, "1")
    await hotline.until(lambda: hotline.live(call).node == "message", "the message's node")
    live = hotline.engine.router.calls[call]  # type: ignore[index]
    await hotline.until(lambda: live.message is not None, "the recording", 20)
    await caller.play(CALLER_HZ)
    await asyncio.sleep(3)
    if ending == "key":
        await caller.send_digits("#")
    elif ending == "silence":
        await caller.play(0)
    else:
        await caller.hangup()
    await hotline.ended(call)
    (message,) = await kept(hotline, "voicemails", call)
    assert 2_000_000 <= message["length"] <= 4_000_000
    file = spool(hotline) / message["file"]
    assert "13897110001" not in file.name
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert tone_seconds(load(file), CALLER_HZ) >= 2


async def test_silence_is_no_message(hotline: Hotline) -> None:
    caller, call = await pressed(hotline, "1")
    await hotline.until(lambda: hotline.live(call).owner == "queue", "to a person", 25)
    await caller.hangup()
    await hotline.ended(call)
    assert await kept(hotline, "voicemails", call) == []
    left = [file.name for file in (spool(hotline) / "recording").iterdir() if call in file.name]
    assert left == [], "nothing of it stays on disk"


# --- hand-overs by the flow ---------------------------------------------------------------------


async def test_the_flow_hands_over_to_a_seat_and_to_a_number(hotline: Hotline) -> None:
    desk = await hotline.seat("a1003", auto_answer=0.1)
    await desk.play(SEAT_HZ)
    caller, call = await pressed(hotline, "2")
    await hears_tone(caller, SEAT_HZ)
    await caller.hangup()
    record = await hotline.ended(call)
    assert (record.first_seat, record.outcome) == ("a1003", "answered")
    caller, call = await pressed(hotline, "3")
    await hears_tone(caller, tone("12333"))
    await caller.hangup()
    assert (await hotline.ended(call)).transfers[0].target == "12333"


async def test_a_promised_callback_is_kept(hotline: Hotline) -> None:
    caller, call = await pressed(hotline, "4")
    await hotline.ended(call, 30)
    callbacks = list(hotline.engine.router.promised)
    assert len(callbacks) == 1
    hotline.engine.router.handle(e.CallbackCancelled(call=callbacks[0]), time.time())
    assert caller.call is not None


# --- recordings ---------------------------------------------------------------------------------


async def test_one_file_through_a_transfer_and_the_consult_talk_apart(hotline: Hotline) -> None:
    desk = await hotline.seat("a1002", auto_answer=0.1)
    caller = await hotline.caller()
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    await caller.send_digits("0")
    await hotline.until(lambda: hotline.view("a1002").state == "talking", "talking", 20)
    await caller.play(CALLER_HZ)
    await desk.play(SEAT_HZ)
    await hears_tone(caller, SEAT_HZ, 1.5)
    await hotline.api("a1002", "POST", "/seats/a1002/transfer", target="12315", kind="consult")
    partner = await hotline.partner_call("12315")
    await hears_tone(desk, tone("12315"), 2.0)
    await hotline.api("a1002", "POST", "/seats/a1002/transfer/complete")
    await hears_tone(caller, tone("12315"), 1.5)
    await hotline.province.partners.hang_up(partner)
    await hotline.ended(call)
    consult, talk = await kept(hotline, "recordings", call)
    assert "consult" in consult["id"]
    assert "talk" in talk["id"]
    for row in (consult, talk):
        file = spool(hotline) / row["file"]
        assert file.stat().st_size == row["size"] > 10_000
        assert len(row["sha256"]) == 64
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    whole = load(spool(hotline) / talk["file"])
    lasted = (talk["ended"] - talk["started"]) / 1e6
    assert abs(len(whole) / 8000 - lasted) < 1.0, "one second of file is one second of call"
    assert tone_seconds(whole, CALLER_HZ, (SEAT_HZ, tone("12315"))) > 1
    assert tone_seconds(whole, SEAT_HZ, (CALLER_HZ,)) > 1
    assert tone_seconds(whole, tone("12315"), (CALLER_HZ,)) > 1
    apart = load(spool(hotline) / consult["file"])
    assert tone_seconds(apart, tone("12315"), (SEAT_HZ,)) > 1
    assert tone_seconds(apart, CALLER_HZ, (SEAT_HZ, tone("12315"))) < 0.2


# --- REFER --------------------------------------------------------------------------------------


async def raw_seat(hotline: Hotline, name: str) -> Phone:
    """A seat whose phone has a transfer button."""
    host, port = hotline.province.sip.split(":")
    phone = await Phone.open((host, int(port)))
    assert await phone.register(name, hotline.province.passwords[name]) == 200
    await hotline.until(lambda: hotline.view(name).reachable, "reachable")
    hotline.engine.submit(e.SeatSignedIn(seat=SeatId(name), agent=AgentId(name)))
    hotline.engine.submit(e.SeatReadied(seat=SeatId(name)))
    hotline._seats.append(SeatId(name))
    return phone


async def notified(phone: Phone, status: str) -> None:
    """The phone is told how its REFER went."""
    await eventually(lambda: any(one.method == "NOTIFY" and status in one.body for one in phone.requests), 5)


@pytest.mark.parametrize(("target", "status"), [("12315", "200"), ("77777", "603")])
async def test_the_transfer_button_of_a_phone(hotline: Hotline, target: str, status: str) -> None:
    phone = await raw_seat(hotline, "a1002")
    phone.media.speak(SEAT_HZ)
    caller = await hotline.caller()
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    await caller.send_digits("0")
    await hears_tone(caller, SEAT_HZ)
    assert await phone.refer(f"sip:{target}@{hotline.province.sip}") == 202
    await notified(phone, status)
    if status == "200":
        await hears_tone(caller, tone("12315"))
        assert hotline.view("a1002").state == "wrap_up"
    else:
        await hears_tone(caller, SEAT_HZ)
    await caller.hangup()
    await hotline.ended(call)
    phone.close()


async def test_a_partner_hands_its_caller_back_by_refer(hotline: Hotline) -> None:
    caller = await hotline.caller()
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    await caller.send_digits("3")
    await hears_tone(caller, tone("12333"))
    partner = await hotline.partner_call("12333")
    await hotline.province.partners.refer(partner, "12345")
    await hotline.until(lambda: hotline.live(call).owner in ("queue", "flow"), "with us again")
    desk = await hotline.seat("a1002", auto_answer=0.1)
    await desk.play(SEAT_HZ)
    await hears_tone(caller, SEAT_HZ, within=20)
    await caller.hangup()
    record = await hotline.ended(call)
    assert [transfer.kind for transfer in record.transfers][-1] == "refer"


# --- lines ------------------------------------------------------------------------------------------


async def test_a_trunk_that_dies_is_seen_and_refused_with_words(hotline: Hotline) -> None:
    async def refusal() -> str:
        _, lines = await hotline.api("supervisor", "GET", "/lines/health")
        return str(next(line["refusal"] for line in lines if line["number"] == "12315"))

    hotline.province.partners.silence(True)
    try:
        deadline = time.monotonic() + 40
        while await refusal() != "line_down":
            assert time.monotonic() < deadline, "OPTIONS unanswered were not noticed"
            await asyncio.sleep(0.3)
    finally:
        hotline.province.partners.silence(False)
    while await refusal():
        assert time.monotonic() < deadline + 40, "OPTIONS answered again were not noticed"
        await asyncio.sleep(0.3)


async def test_a_partners_call_brings_its_context(hotline: Hotline) -> None:
    payload = b"their-call;visited=12315".hex()
    calling = asyncio.create_task(
        hotline.province.partners.dial(
            "12315",
            caller="13909710009",
            headers={"User-to-User": f"{payload};encoding=hex;purpose=callrouter"},
        )
    )
    (view,) = await hotline.until(lambda: hotline.engine.snapshot().calls, "the call")
    assert view.context == {"call": "their-call", "visited": "12315", "from": "12315"}
    partner = await calling
    await hotline.province.partners.hang_up(partner)
    await hotline.ended(view.call)


def replaces(dialog: Dialog) -> str:
    """The other line as a header of Refer-To (RFC 3891), for its peer: our remote tag is its own."""

    def tag(address: str) -> str:
        found = re.search(r"tag=([^;>]+)", address)
        assert found, address
        return found[1]

    return f"?Replaces={dialog.call_id}%3Bto-tag%3D{tag(dialog.remote)}%3Bfrom-tag%3D{tag(dialog.local)}"


async def test_a_phone_that_joins_its_two_lines(hotline: Hotline) -> None:
    first = await raw_seat(hotline, "a1002")
    first.media.speak(SEAT_HZ)
    caller = await hotline.caller()
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    await caller.send_digits("0")
    await hears_tone(caller, SEAT_HZ)
    second = await Phone.open(first.server)
    second.media.speak(SEAT_HZ)
    second.invite("12315", caller="<sip:a1002@127.0.0.1>")
    challenge = await second.response(above=199)
    second.settle(challenge)
    second.prove(challenge, "a1002", hotline.province.passwords["a1002"])
    second.settle(await second.response(above=199, seconds=10))
    partner = await hotline.partner_call("12315")
    assert abs(await second.media.listen(1.5) - tone("12315")) < 20
    assert second.dialog is not None
    assert await first.refer(f"sip:12315@{hotline.province.sip}", replaces(second.dialog)) == 202
    await notified(first, "200")
    await hears_tone(caller, tone("12315"))
    await hotline.until(lambda: hotline.view("a1002").state == "wrap_up", "wrap-up")
    await hotline.province.partners.hang_up(partner)
    record = await hotline.ended(call)
    assert [transfer.outcome for transfer in record.transfers] == ["completed"]
    first.close()
    second.close()
