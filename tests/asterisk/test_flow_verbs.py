"""Flow verbs on a real Asterisk: the caller's keys go in; what the caller's phone really hears decides."""

import asyncio
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator
from datetime import date

import aiohttp
import pytest

from acd.record import CallRecord
from callrouter.cli.province import Province, Wishes
from callrouter.settings import Lookup, Settings
from simulators.audio import RATE, find_prompt
from simulators.order_service import Order, OrderService
from simulators.partners import Behaviour, Kind
from simulators.softphone import Softphone, SoftphonePool
from tests.asterisk.hotline import SITE, Hotline, prompt

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

ORDER = Order(number="2345", accepted=date(2026, 11, 16), unit="x", pace=2)
VERBS = """
flow: province
languages: [zh, en]
person: seat
start: menu
variables:
  order: {type: string, default: "2345"}
  state: {type: string}
  name: {type: string}
  count: {type: int, default: 1}
  may: {type: bool}
  grade: {type: int}
nodes:
  menu:
    menu:
      prompt: greeting_province
      keys:
        {1: typed, 2: opened, 3: english, 4: out, 5: asked, 6: apart, 7: base, 8: bye, 9: may_we, "#": rated}
      repeat: "*"
      wait: 1
  typed: {collect: {prompt: menu_progress, into: order, length: 4, next: spoken}}
  spoken: {play: {prompt: [{digits: order}], next: seat}}
  opened: {hours: {calendar: always, open: counted, closed: seat}}
  counted: {set: {values: {count: count + 1}, next: which}}
  which: {switch: {on: count, values: {2: enterprise}}}
  enterprise: {play: {prompt: menu_enterprise, next: seat}}
  english: {language: {to: en, next: foreign}}
  foreign: {play: {prompt: menu_foreign, next: seat}}
  out: {transfer: {line: "12315", busy: out_busy, next: thanks}}
  out_busy: {play: {prompt: partner_busy, next: seat}}
  asked:
    http:
      {service: orders, path: "/orders/{order}", into: {state: answer.state}, next: state, not_found: invalid}
  state: {switch: {on: state, values: {done: finished}}}
  finished: {play: {prompt: menu_hotline, next: seat}}
  invalid: {play: {prompt: invalid_key, next: seat}}
  apart: {subflow: {flow: part, results: {name: told}, ways: {back: returned}}}
  returned: {switch: {on: name, values: {part: seniors}}}
  seniors: {play: {prompt: menu_seniors, next: seat}}
  base:
    sql:
      database: people
      query: SELECT name FROM people WHERE number = :number
      parameters: {number: caller}
      into: {name: 'answer[0].name'}
      next: known
      not_found: invalid
  known: {switch: {on: name, values: {扎西: tibetan}}}
  tibetan: {play: {prompt: menu_tibetan, next: seat}}
  may_we: {consent: {prompt: menu_repeat, into: may, next: seat}}
  rated: {survey: {prompt: menu_person, into: grade, next: thanks}}
  thanks: {hangup: {prompt: thanks_for_holding, reason: rated, without_person: the number is a test}}
  bye: {hangup: {prompt: please_hold, reason: chosen}}
  seat: {queue: {queue: province, skills: mandarin, priority: 7}}
"""
PART = """
flow: part
subflow: true
start: say
variables: {told: {type: string}}
nodes:
  say: {play: {prompt: queue_next, next: tell}}
  tell: {set: {values: {told: '"part"'}, next: back}}
  back: {return: {as: back}}
"""


class WithServices(Province):
    """A province whose flows may ask a work-order system and a database."""

    lookups: dict[str, Lookup]

    def _settings(self) -> Settings:
        return super()._settings().model_copy(update={"lookups": self.lookups})


@pytest.fixture(scope="module")
async def province(
    tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool
) -> AsyncIterator[Hotline]:
    folder = tmp_path_factory.mktemp("verbs")
    site = folder / "site"
    shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("prompts", "*.yaml"))
    (site / "prompts").symlink_to(SITE / "prompts")
    for name in ("directory", "floor"):
        text = (SITE / "site" / f"{name}.yaml").read_text(encoding="utf-8")
        for other in ("prefecture", "merged_line", "one_layer"):
            text = text.replace(f"flow: {other}", "flow: province")
        (site / "site" / f"{name}.yaml").write_text(text, encoding="utf-8")
    calendar = "calendars: {always: {holidays: '', week: {daily: [00:00-24:00]}}, %s: {week: {}}}"
    (site / "site" / "calendar.yaml").write_text(calendar % "office" + "\n")
    (site / "province.yaml").write_text(VERBS, encoding="utf-8")
    (site / "part.yaml").write_text(PART, encoding="utf-8")
    people = sqlite3.connect(folder / "people.sqlite")
    with people:
        people.execute("CREATE TABLE people (number TEXT, name TEXT)")
        people.execute("INSERT INTO people VALUES ('13897110001', '扎西')")
    people.close()
    async with OrderService({ORDER.number: ORDER}, date(2026, 11, 20)) as orders:
        world = WithServices(Wishes(site=site, state_dir=folder / "state", robots=0))
        world.lookups = {
            "orders": Lookup(url=orders.url),
            "people": Lookup(kind="sql", url=f"sqlite+aiosqlite:///{folder / 'people.sqlite'}"),
        }
        async with world, aiohttp.ClientSession() as session:
            yield Hotline(world, phone_pool, session)


@pytest.fixture
async def hotline(province: Hotline) -> AsyncIterator[Hotline]:
    yield province
    await province.clear()


async def walk(hotline: Hotline, keys: str, number: str = "13897110001") -> tuple[Softphone, str]:
    """Dial, and press keys as soon as the greeting is heard."""
    caller = await hotline.caller(number)
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    await caller.send_digits(keys)
    return caller, call


async def at_a_person(hotline: Hotline, caller: Softphone, call: str) -> CallRecord:
    """Wait until the flow has led to a queue; hang up; the record."""
    await hotline.until(lambda: (view := hotline.live(call)) and view.owner == "queue", "in a queue", 20)
    await caller.hangup()
    return await hotline.ended(call)


async def assert_heard(caller: Softphone, name: str) -> None:
    samples = (await caller.heard()).samples
    assert find_prompt(samples, prompt(name)).score > 0.8, name


def path(record: CallRecord) -> list[tuple[str, str]]:
    return [(step.node, step.branch) for step in record.trace]


async def test_play_menu_and_queue(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "")
    await hotline.until(lambda: hotline.live(call).owner == "queue", "silence leads to a person", 40)
    await assert_heard(caller, "greeting_province")
    await caller.hangup()
    record = await hotline.ended(call)
    assert path(record) == [("menu", "silence"), ("seat", "to queue province")]
    assert record.queue == "province"


async def test_menu_repeats_and_zero_leads_to_a_person(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "*")
    assert hotline.live(call).node == "menu"
    await caller.send_digits("0")
    assert path(await at_a_person(hotline, caller, call)) == [
        ("menu", "person"),
        ("seat", "to queue province"),
    ]


async def test_collect_and_digits_spoken(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "16789")
    record = await at_a_person(hotline, caller, call)
    typed = next(step for step in record.trace if step.node == "typed")
    assert typed.variables == {"order": "6789"}
    for digit in "6789":
        await assert_heard(caller, f"number_{digit}")


async def test_collect_by_sip_info(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "1")
    for digit in "4444":
        await caller.send_digits(digit, method="info", duration=0.05)
    record = await at_a_person(hotline, caller, call)
    assert next(step for step in record.trace if step.node == "typed").variables == {"order": "4444"}


@pytest.mark.parametrize("method", ["rfc4733", "info"])
async def test_a_key_stops_the_prompt_and_zero_leads_to_a_person(hotline: Hotline, method: str) -> None:
    caller = await hotline.caller()
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    live = hotline.engine.router.calls[call]  # type: ignore[index]
    await hotline.until(lambda: live.tokens, "the greeting")
    await asyncio.sleep(1)
    await caller.send_digits("0", method=method)
    record = await at_a_person(hotline, caller, call)
    assert path(record) == [("menu", "person"), ("seat", "to queue province")]
    samples = (await caller.heard()).samples
    greeting = prompt("greeting_province")
    assert find_prompt(samples, greeting[:RATE]).score > 0.8, "its beginning is heard"
    assert find_prompt(samples, greeting[-2 * RATE :]).score < 0.6, "its end is not"


async def test_a_storm_of_keys_loses_nobody(hotline: Hotline) -> None:
    """Two hundred keys in some seconds, by INFO and as RTP events, from three callers at a time."""
    rng = random.Random(1)
    storms = (
        ("13897110011", "info", "*" * 199 + "0", 0.005),
        ("13897110012", "info", "".join(rng.choice("1234567*ABD") for _ in range(200)), 0.005),
        ("13897110013", "rfc4733", "".join(rng.choice("123567*") for _ in range(60)), 0.04),
    )
    callers, calls = [], []
    for number, *_ in storms:
        callers.append(await hotline.caller(number))
        calls.append(await hotline.call(callers[-1]))
        await callers[-1].wait_for("confirmed")
    await asyncio.gather(
        *(
            caller.send_digits(keys, method=method, duration=pace, gap=pace)
            for caller, (_, method, keys, pace) in zip(callers, storms, strict=True)
        )
    )
    for call in calls:
        await hotline.until(
            lambda call=call: (view := hotline.live(call)) is None or view.owner != "flow",  # type: ignore[misc]
            "with a person, or over by the flow's own word",
            60,
        )
    assert hotline.live(calls[0]).owner == "queue"
    assert hotline.engine.health().loop_delay_p99 < 0.05
    for caller in callers:
        await caller.hangup()
    records = [await hotline.ended(call) for call in calls]
    assert {record.outcome for record in records} <= {"abandoned_queue", "answered"}
    # Who does nothing but have the menu repeated is brought to a person.
    assert path(records[0])[-1] == ("seat", "to queue province")


async def test_hours_set_and_switch(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "2")
    record = await at_a_person(hotline, caller, call)
    assert [node for node, _ in path(record)] == ["menu", "opened", "counted", "which", "enterprise", "seat"]
    await assert_heard(caller, "menu_enterprise")


async def test_language(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "3")
    record = await at_a_person(hotline, caller, call)
    assert record.language == "en"
    await assert_heard(caller, "menu_foreign")  # no English recording: said in the flow's own language


async def test_transfer_that_fails(hotline: Hotline) -> None:
    hotline.province.partners.set("12315", Behaviour(kind=Kind.REJECT, status=486))
    caller, call = await walk(hotline, "4")
    record = await at_a_person(hotline, caller, call)
    assert path(record)[-2:] == [("out_busy", "next"), ("seat", "to queue province")]
    await assert_heard(caller, "partner_busy")


async def test_transfer_that_is_answered(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "4")
    partner = await hotline.partner_call("12315")
    await hotline.until(lambda: hotline.live(call).owner == "conversation", "talking with the partner", 20)
    await caller.hangup()
    record = await hotline.ended(call)
    assert ("out", "to line 12315") in path(record)
    assert partner.number == "12315"


async def test_http(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "5")
    record = await at_a_person(hotline, caller, call)
    assert ("state", "= done") in path(record)
    await assert_heard(caller, "menu_hotline")


async def test_subflow_and_return(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "6")
    record = await at_a_person(hotline, caller, call)
    assert [(step.flow, step.node) for step in record.trace][1:6] == [
        ("province", "apart"), ("part", "say"), ("part", "tell"), ("part", "back"), ("province", "apart"),
    ]  # fmt: skip
    await assert_heard(caller, "queue_next")
    await assert_heard(caller, "menu_seniors")


@pytest.mark.parametrize(
    ("number", "heard"), [("13897110001", "menu_tibetan"), ("13897110002", "invalid_key")]
)
async def test_sql(hotline: Hotline, number: str, heard: str) -> None:
    caller, call = await walk(hotline, "7", number)
    await at_a_person(hotline, caller, call)
    await assert_heard(caller, heard)


async def test_hangup_says_goodbye_first(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "8")
    await caller.wait_for("disconnected", 20)
    await assert_heard(caller, "please_hold")
    record = await hotline.ended(call)
    assert (record.ended_by, record.cause, path(record)[-1]) == ("flow", 16, ("bye", "end"))


async def test_consent(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "91")
    record = await at_a_person(hotline, caller, call)
    assert next(step for step in record.trace if step.node == "may_we").variables == {"may": True}


async def test_survey(hotline: Hotline) -> None:
    caller, call = await walk(hotline, "#5")
    await caller.wait_for("disconnected", 20)
    await assert_heard(caller, "thanks_for_holding")
    record = await hotline.ended(call)
    assert next(step for step in record.trace if step.node == "rated").variables == {"grade": 5}
