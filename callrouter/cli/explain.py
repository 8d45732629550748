"""`callrouter calls explain`: why these seats were asked for this call, and no others."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from callrouter.cli.state import Config, StateDir, database_place, fail, opened

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from acd.commands import OfferClosed
    from acd.record import CallRecord
    from callrouter.live_site import Taken

LAST: Final = "last"

_OUTCOMES: Final = {
    "answered": ("answered", "bold green"),
    "answered_elsewhere": ("another seat was quicker", "cyan"),
    "caller_left": ("the caller hung up", "yellow"),
    "declined": ("declined", "bold yellow"),
    "missed": ("not answered", "bold red"),
    "expired": ("rang to the end of its lease", "bold red"),
    "caller_unreachable": ("the link to the caller's Asterisk was down", "bold red"),
    "seat_lost": ("the seat's phone or agent was gone", "bold red"),
}
_TRIGGERS: Final = {
    "arrival": "the caller came",
    "seat_free": "the seat became free",
    "next_seat": "another seat had not taken the call",
    "relaxed": "the caller's wish was relaxed",
    "overflow": "other queues' seats were let in",
    "unstaffed": "nobody else was at work",
    "sticky": "this seat knows the caller",
    "sticky_over": "the wait for a certain seat was over",
    "retry": "the only seat possible was asked again",
    "reachable": "the caller's Asterisk was back",
    "callback": "the callback's turn had come",
    "plan_changed": "the floor was edited",
    "consult": "a colleague asked for this seat",
}


def explain_call(
    call: Annotated[str, typer.Argument(metavar="ID", help="The call's id, or `last`.")],
    state_dir: StateDir = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell of every offer of a call which seats were considered and why each other one was not taken.

    Exit code 1: there is no such call.

    Example: callrouter calls explain last
    """
    found = asyncio.run(_found(database_place(state_dir, config), call))
    if found is None and call == LAST:
        fail("no call has finished yet", code=1)
    if found is None:
        fail(f"there is no finished call {call!r}: see `callrouter calls list`", code=1)
    record, offers, version = found
    if as_json:
        from callrouter.web.present import offer_document

        ran_on = version.digest if version is not None else ""
        document = {
            "call": record.call,
            "site_version": ran_on,
            "offers": [offer_document(offer) for offer in offers],
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    from callrouter.cli.story import console

    console().print(explanation(record, offers, version))


async def _found(
    place: str | Path, call: str
) -> "tuple[CallRecord, Sequence[OfferClosed], Taken | None] | None":
    from acd.ids import CallId
    from callrouter.store.offers import offers_of
    from callrouter.store.reader import StoredRecords
    from callrouter.store.versions import StoredVersions

    async with opened(place) as database:
        records = StoredRecords(database)
        if call == LAST:
            newest = await records.calls(limit=1)
            record = newest[0] if newest else None
        else:
            record = await records.call(CallId(call))
        if record is None:
            return None
        version = await StoredVersions(database).of_call(record)
        return record, await offers_of(database, record.call), version


def explanation(
    record: "CallRecord", offers: "Sequence[OfferClosed]", version: "Taken | None" = None
) -> "RenderableType":
    """The offers of a call, one below the other."""
    from rich.console import Group
    from rich.text import Text

    from callrouter.cli.story import clock, ran_on, safe, span
    from callrouter.privacy import mask_number

    head = Text()
    head.append_text(safe(f"call {record.call}", "bold"))
    head.append_text(safe(f"   {mask_number(record.caller) or 'withheld'} → {record.dialled}"))
    head.append(f"   {record.outcome}, {len(offers)} offer{'' if len(offers) == 1 else 's'}\n")
    if version is not None:
        head.append_text(ran_on(version)).append("\n")
    parts: list[RenderableType] = [head]
    if not offers:
        why = "No seat was offered this call."
        if record.enqueued is None:
            why += " It never asked for one: the flow ended it before a queue."
        else:
            why += f" It waited {span(record.ended - record.enqueued)} from {clock(record.enqueued)}."
        parts.append(Text(why, "yellow"))
    parts += [_one(number, offer) for number, offer in enumerate(offers, 1)]
    return Group(*parts)


def _one(number: int, offer: "OfferClosed") -> "RenderableType":
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    from callrouter.cli.story import clock, safe, span

    why = offer.explanation
    words, style = _OUTCOMES.get(offer.outcome, (offer.outcome, "bold"))
    title = Text.assemble(
        f"{number}  {clock(offer.made)}  seat ", safe(offer.seat, "bold"), "  ", safe(words, style)
    )
    title.append(f" after {span(offer.ended - offer.made)}")
    parts: list[RenderableType] = [_decision(offer)]
    candidates = _mapping(why.get("candidates"))
    if candidates:
        parts.append(_candidates(candidates, _mapping(why.get("not_eligible"))))
    if compared := _list(why.get("callers_compared")):
        parts.append(_compared(compared))
    if "too_long" in why:
        parts.append(Text("The explanation was too long to be kept.", "yellow"))
    return Panel(Group(*parts), title=title, title_align="left")


def _decision(offer: "OfferClosed") -> "RenderableType":
    from rich.table import Table

    from callrouter.cli.story import safe, span

    why = offer.explanation
    trigger = str(why.get("trigger", ""))
    waited = why.get("waited")
    facts = {
        "because": _TRIGGERS.get(trigger, trigger),
        "queue": offer.queue,
        "policy": str(why.get("policy", "")).replace("_", " "),
        "wanted": why.get("demand") or "anybody",
        "relaxation step": why.get("relaxation_step"),
        "overflow open to": ", ".join(map(str, _list(why.get("overflow")))),
        "caller had waited": span(waited) if isinstance(waited, int | float) else None,
        "priority": why.get("priority"),
        "not again at once": why.get("not_twice_running"),
    }
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in facts.items():
        if value not in (None, ""):
            table.add_row(name, safe(str(value)))
    return table


def _candidates(candidates: Mapping[str, Any], refused: Mapping[str, Any]) -> "Table":
    from rich.text import Text

    from callrouter.cli.story import safe, sheet

    table = sheet("Candidates")
    table.add_column("seat")
    table.add_column("verdict")
    for one in _list(candidates.get("named")):
        chosen = one.get("verdict") == "chosen"
        table.add_row(
            safe(str(one.get("seat", ""))), safe(str(one.get("verdict", "")), "green" if chosen else "")
        )
    rest = candidates.get("not_named")
    if isinstance(rest, int) and rest > 0:
        table.add_row(Text(f"… {rest} more", "dim"), Text("further behind", "dim"))
    for reason, count in refused.items():
        table.add_row(Text(f"{count} seats" if count != 1 else "1 seat", "dim"), safe(str(reason), "red"))
    return table


def _compared(compared: Sequence[Mapping[str, Any]]) -> "Table":
    from callrouter.cli.story import safe, sheet

    table = sheet("Callers whom the seat could have taken: the first of each kind, the highest claim wins")
    for heading in ("queue", "wanted", "relaxation step", "claim"):
        table.add_column(heading, justify="right" if heading == "claim" else "left")
    for one in compared:
        claim = one.get("claim")
        table.add_row(
            safe(str(one.get("queue", ""))),
            safe(str(one.get("demand") or "anybody")),
            str(one.get("relaxation_step", "")),
            f"{claim:.1f}" if isinstance(claim, int | float) else "",
        )
    return table


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
