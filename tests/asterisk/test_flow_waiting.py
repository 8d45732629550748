"""What a flow says about waiting, on real calls: limits, announcements, callbacks, messages. Ears decide."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from callrouter.cli.province import HOST, Province, Wishes
from callrouter.toolchain.asterisk import TrunkAccount
from simulators.audio import RATE, Samples, find_prompt, load, tone_seconds
from simulators.softphone import Softphone, SoftphonePool
from tests.asterisk.hotline import SITE, Hotline, prompt

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

PERSON = "13897110001"
CALLER_HZ, SEAT_HZ = 700, 1100
FLOW = """
flow: province
languages: [zh]
person: seat
start: menu
variables: {number: {type: string}}
nodes:
  menu:
    menu:
      prompt: greeting_province
      keys: {1: patience, 2: told, 3: offered, 4: number, 5: message}
  patience: {queue: {queue: province, wait_at_most: 3, timeout: sorry}}
  sorry: {play: {prompt: all_seats_busy, next: bye}}
  told: {queue: {queue: night, announce: {after: 1, every: 4}, callback_after: 0}}
  offered: {queue: {queue: province, announce: {after: 1.5, every: 60}, callback_after: 1, callback: goodbye}}
  goodbye: {hangup: {prompt: callback_registered, reason: promised}}
  number:
    collect:
      prompt: callback_enter_number
      into: number
      length: 11
      confirm: {prompt: [callback_number_before, {digits: number}, callback_number_confirm]}
      next: promise
  promise: {callback: {queue: province, number: number, skills: mandarin >= 8, next: goodbye, refused: bye}}
  message:
    voicemail: {prompt: please_hold, mailbox: complaints, silence_seconds: 3, next: bye, empty: seat}
  bye: {hangup: {prompt: thanks_for_holding, reason: done, without_person: the number is a test}}
  seat: {queue: {queue: province}}
"""


class WithCarrier(Province):
    """Calls out over the carrier's trunk reach `person`, a phone."""

    person: str

    def _trunk(self, name: str) -> TrunkAccount:
        if name == "carrier":
            return TrunkAccount(name, (HOST,), peer=self.person, qualify=0)
        return super()._trunk(name)


@pytest.fixture(scope="module")
async def person(phone_pool: SoftphonePool) -> AsyncIterator[Softphone]:
    """Somebody who calls, and can be called."""
    phone = await phone_pool.caller(PERSON)
    yield phone
    await phone.close()


@pytest.fixture(scope="module")
async def province(
    tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool, person: Softphone
) -> AsyncIterator[Hotline]:
    folder = tmp_path_factory.mktemp("waiting")
    site = folder / "site"
    shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("prompts", "*.yaml"))
    (site / "prompts").symlink_to(SITE / "prompts")
    for name in ("directory", "floor", "calendar"):
        text = (SITE / "site" / f"{name}.yaml").read_text(encoding="utf-8")
        for other in ("prefecture", "merged_line", "one_layer"):
            text = text.replace(f"flow: {other}", "flow: province")
        # Nobody helps out, so that a queue without seats stays one.
        text = text.replace("      - {queue: night, unstaffed: true}\n", "")
        (site / "site" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (site / "province.yaml").write_text(FLOW, encoding="utf-8")
    world = WithCarrier(Wishes(site=site, state_dir=folder / "state", robots=0))
    world.person = person.contact.partition("@")[2]
    async with world, aiohttp.ClientSession() as session:
        yield Hotline(world, phone_pool, session)


@pytest.fixture
async def hotline(province: Hotline, person: Softphone) -> AsyncIterator[Hotline]:
    yield province
    await person.hangup()
    await province.clear()


async def pressed(hotline: Hotline, caller: Softphone, keys: str) -> str:
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    await caller.send_digits(keys)
    return call


async def hears_tone(ear: Softphone, hertz: float, within: float = 8.0) -> None:
    since = time.monotonic()
    while tone_seconds((await ear.heard(since)).samples, hertz, ()) < 0.5:
        assert time.monotonic() - since < within, f"no {hertz} Hz"
        await asyncio.sleep(0.2)


async def hears(ear: Softphone, name: str, within: float = 12.0) -> None:
    """The whole of a prompt."""
    until = time.monotonic() + within
    while find_prompt((await ear.heard()).samples, prompt(name)).score < 0.8:
        assert time.monotonic() < until, f"{name} is not heard"
        await asyncio.sleep(0.3)


def times_heard(samples: Samples, name: str) -> int:
    """How often, one after the other."""
    found, wanted, rest = 0, prompt(name), samples.copy()
    while (match := find_prompt(rest, wanted)).score > 0.8:
        begin = max(0, round(match.offset * RATE))
        rest[begin : begin + len(wanted)] = 0
        found += 1
    return found


async def test_the_limit_and_the_times_of_announcements(hotline: Hotline) -> None:
    """`wait_at_most` gives back in time; `announce` speaks when the node says, not the queue."""
    patient, curious = await hotline.caller("13897110002"), await hotline.caller("13897110003")
    first, second = await pressed(hotline, patient, "1"), await pressed(hotline, curious, "2")
    await hotline.until(lambda: hotline.live(second).owner == "queue", "in the queue")
    await hotline.until(
        lambda: time.time() - hotline.engine.router.calls[second].waiting_since > 10,  # type: ignore[index]
        "time for two announcements",
        25,
    )
    assert times_heard((await curious.heard()).samples, "queue_next") == 2
    assert find_prompt((await curious.heard()).samples, prompt("callback_offer")).score < 0.5
    await curious.hangup()
    record = await hotline.ended(first, 30)
    waited = next(step for step in record.trace if step.node == "sorry").at - record.enqueued  # type: ignore[operator]
    assert 3.0 <= waited < 3.6
    assert [(step.node, step.branch) for step in record.trace][-3:] == [
        ("patience", "timeout"), ("sorry", "next"), ("bye", "end"),
    ]  # fmt: skip
    assert find_prompt((await patient.heard()).samples, prompt("all_seats_busy")).score > 0.8


async def test_the_offer_of_the_node_is_taken_and_kept(hotline: Hotline, person: Softphone) -> None:
    """Key, number confirmed by key, the node's own way on; then a seat and the person hear each other."""
    call = await pressed(hotline, person, "3")
    live = hotline.engine.router.calls[call]  # type: ignore[index]
    await hotline.until(lambda: live.callback is not None, "the offer")
    # In the middle of the sentence: keys interrupt announcements, too.
    await person.send_digits("1")
    await hears(person, "callback_number_before")
    await person.send_digits("1")
    assert await person.until_over(15), "let go with a promise"
    assert find_prompt((await person.heard()).samples, prompt("callback_offer")).score < 0.8
    assert find_prompt((await person.heard()).samples, prompt("callback_registered")).score > 0.8
    record = await hotline.ended(call)
    assert [(step.node, step.branch) for step in record.trace][-2:] == [
        ("offered", "callback"), ("goodbye", "end"),
    ]  # fmt: skip
    await is_called_back(hotline, person, "a1001")


async def test_the_callback_verb_with_a_number_that_was_typed(hotline: Hotline, person: Softphone) -> None:
    """Withheld or another's telephone: the caller types the number, confirms it, and is called there."""
    elsewhere = await hotline.caller("13897110004")
    call = await pressed(hotline, elsewhere, "4")
    await elsewhere.send_digits(PERSON)
    await hears(elsewhere, "callback_number_before", 20)
    await elsewhere.send_digits("1")
    assert await elsewhere.until_over(20)
    record = await hotline.ended(call)
    assert [(step.node, step.branch) for step in record.trace][-2:] == [
        ("promise", "next"),
        ("goodbye", "end"),
    ]
    assert [one.number for one in hotline.engine.callbacks()] == [PERSON]
    # a1004 speaks Mandarin, but not as well as the flow asks.
    await hotline.seat("a1004", auto_answer=0.1)
    await is_called_back(hotline, person, "a1002")
    assert hotline.view("a1004").state == "ready"


async def is_called_back(hotline: Hotline, person: Softphone, seat: str) -> None:
    desk = await hotline.seat(seat, auto_answer=0.1)
    await person.incoming(20)
    assert hotline.view(seat).state == "talking"
    await person.answer()
    await person.play(CALLER_HZ)
    await desk.play(SEAT_HZ)
    await hears_tone(person, SEAT_HZ)
    await hears_tone(desk, CALLER_HZ)
    await person.hangup()
    await hotline.until(lambda: hotline.engine.callbacks() == (), "the promise is kept", 20)


async def test_a_message_is_listed_played_marked_and_deleted(hotline: Hotline, tmp_path: Path) -> None:
    caller = await hotline.caller("13897110005")
    call = await pressed(hotline, caller, "5")
    live = hotline.engine.router.calls[call]  # type: ignore[index]
    await hotline.until(lambda: live.message is not None, "the recording", 20)
    await caller.play(CALLER_HZ)
    await asyncio.sleep(2.5)
    await caller.send_digits("#")
    await hotline.ended(call)
    app = hotline.province.app
    await app.after_call.finish()
    await app.writer.flush()

    status, found = await hotline.api("supervisor", "GET", "/voicemails?mailbox=complaints&heard=false")
    (message,) = found["messages"]
    assert (status, message["call"], message["number"]) == (200, call, "138****0005")
    assert 2 <= message["seconds"] <= 4, "Asterisk tells whole seconds"
    assert len(files_of(hotline, call)) == 1
    file = tmp_path / "played.wav"
    file.write_bytes(await sound(hotline, message["id"]))
    assert tone_seconds(load(file), CALLER_HZ) >= 1.5, "what was said is what is played"

    path = f"/voicemails/{message['id']}"
    status, marked = await hotline.api("supervisor", "PUT", f"{path}/heard", heard=True)
    assert (status, marked["heard_by"]) == (200, "supervisor")
    status, found = await hotline.api("supervisor", "GET", "/voicemails?heard=false")
    assert found["messages"] == []
    status, _ = await hotline.api("a1003", "DELETE", path)
    assert status == 403, "no agent's to delete"
    status, _ = await hotline.api("supervisor", "DELETE", path)
    assert status == 204
    status, _ = await hotline.api("supervisor", "GET", path + "/sound")
    assert status == 404
    assert files_of(hotline, call) == []


def files_of(hotline: Hotline, call: str) -> list[str]:
    folder = Path(hotline.province.asterisk.rendered.folder, "var", "spool", "recording")
    return [one.name for one in folder.iterdir() if call in one.name]


async def sound(hotline: Hotline, message: str) -> bytes:
    login = {"user": "supervisor", "password": hotline.province.passwords["supervisor"]}
    base = f"{hotline.province.http}/api/v1"
    async with hotline.session.post(f"{base}/sign-in", json=login) as reply:
        token = (await reply.json())["token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with hotline.session.get(f"{base}/voicemails/{message}/sound", headers=headers) as reply:
        assert reply.status == 200
        return await reply.read()
