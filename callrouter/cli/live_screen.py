"""What `callrouter watch` shows: the state the messages build up, and its picture."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from callrouter.cli.live_client import Message
from callrouter.cli.story import NUMBER_WIDTH, safe, span

SEAT_COLOURS: Final = {
    "ready": "bold green",
    "reserved": "cyan",
    "ringing": "bold cyan",
    "talking": "bold yellow",
    "consulting": "bold blue",
    "wrap_up": "magenta",
    "not_ready": "red",
    "logged_out": "dim",
}
_OWNER_COLOURS: Final = {
    "flow": "white",
    "queue": "yellow",
    "conversation": "green",
    "transfer": "blue",
}
MOST_WARNINGS: Final = 4
LONG_WAIT: Final = 15.0
"""Seconds a caller may wait by the standard; longer is shown red."""


@dataclass(slots=True)
class LiveState:
    """The latest view of everything, by id."""

    at: float = 0.0
    """The server's clock at the last message."""
    seats: dict[str, dict[str, Any]] = field(default_factory=dict)
    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    """What the operator ought to know: database or broker away, …"""
    lost: str = ""
    """Why the connection is gone; ``""`` while it stands."""

    def apply(self, message: Message) -> None:
        if message["type"] == "snapshot":
            self.seats, self.queues, self.calls = {}, {}, {}
        self.at = message["at"]
        self.lost = ""
        self.seats.update((seat["seat"], seat) for seat in message["seats"])
        self.queues.update((queue["queue"], queue) for queue in message["queues"])
        self.calls.update((call["call"], call) for call in message["calls"])
        for call in message["ended"]:
            self.calls.pop(call, None)

    def document(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "queues": list(self.queues.values()),
            "seats": list(self.seats.values()),
            "calls": list(self.calls.values()),
            "warnings": self.warnings,
        }


def picture(state: LiveState, now: float, *, title: str, rows: int | None = None) -> RenderableType:
    """The whole screen. `now` is in the server's time; `rows`: lines there are for seats and calls."""
    parts: list[RenderableType] = [_heading(state, now, title), _queues(state, now)]
    # Besides its rows a table takes four lines; the heading takes one or two.
    room = None if rows is None else max(4, rows - len(state.queues) - 16)
    calls = sorted(state.calls.values(), key=lambda call: (call["owner"] != "queue", call["ingress"]))
    seats = sorted(state.seats.values(), key=_place_of)
    for_calls = None if room is None else max(2, min(len(calls), room // 2))
    for_seats = None if room is None or for_calls is None else max(2, room - for_calls)
    parts.append(_calls(calls, now, for_calls))
    parts.append(_seats(seats, now, for_seats))
    return Group(*parts)


def _place_of(seat: dict[str, Any]) -> tuple[bool, int, str]:
    """Signed-in seats first; ``s2`` before ``s10``."""
    return seat["state"] == "logged_out", len(seat["seat"]), seat["seat"]


def _table(title: str, *headings: str) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        expand=True,
    )
    for heading in headings:
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    return table


def _heading(state: LiveState, now: float, title: str) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("callrouter ", "bold")
    text.append(f"{title}   {datetime.fromtimestamp(now):%Y-%m-%d %H:%M:%S}   ")
    ready = sum(seat["state"] == "ready" for seat in state.seats.values())
    signed_in = sum(seat["state"] != "logged_out" for seat in state.seats.values())
    text.append(f"{len(state.calls)} calls, {signed_in} seats signed in, {ready} ready", "bold")
    if state.lost:
        text.append_text(safe("   ● not connected", "bold red"))
        text.append("\n")
        text.append_text(safe(state.lost, "bold red"))
    else:
        text.append("   ● live", "green")
    for warning in state.warnings[:MOST_WARNINGS]:
        text.append("\n")
        text.append_text(safe(f"! {warning}", "bold red"))
    return text


def _age(since: float | None, now: float, *, limit: float | None = None) -> Text:
    if since is None:
        return Text("")
    age = max(0.0, now - since)
    return Text(span(age), "bold red" if limit is not None and age > limit else "")


def _name(queue: dict[str, Any], now: float) -> Text:
    """Outside its hours a queue is shown as such: it takes nobody then."""
    name = safe(queue["name"] or queue["queue"])
    turned = queue["changes"] is not None and now >= queue["changes"]
    return name if queue["open"] is not turned else Text.assemble(name, (" closed", "dim"))


def _queues(state: LiveState, now: float) -> Table:
    figures = ("ready", "busy", "staffed", "offered", "answered", "in time", "abandoned", "answer rate")
    table = _table("排队 Queues", "queue", "waiting", "longest", *figures)
    for queue in state.queues.values():
        offered = queue["offered"]
        table.add_row(
            _name(queue, now),
            Text(str(queue["waiting"]), "bold yellow" if queue["waiting"] else "dim"),
            _age(queue["longest_since"], now, limit=LONG_WAIT),
            Text(str(queue["ready"]), "green" if queue["ready"] else "dim"),
            str(queue["busy"]),
            Text(str(queue["staffed"]), "" if queue["staffed"] else "bold red"),
            str(offered),
            str(queue["answered"]),
            str(queue["answered_in_target"]),
            str(queue["abandoned"]),
            f"{queue['answered'] / offered:.1%}" if offered else "–",
        )
    return table


def _number(dialled: str) -> Text:
    """Dialled by whoever likes, hence of any length: a long one must not push the other columns out."""
    return safe(dialled if len(dialled) <= NUMBER_WIDTH else f"{dialled[: NUMBER_WIDTH - 1]}…")


def _calls(calls: list[dict[str, Any]], now: float, room: int | None) -> Table:
    shown = calls if room is None else calls[:room]
    more = f", {len(calls) - len(shown)} more" if len(shown) < len(calls) else ""
    table = _table(
        f"通话 Calls ({len(calls)}{more})", "caller", "dialled", "age", "where", "place", "legs", "transfer"
    )
    for call in shown:
        legs = Text()
        for leg in call["legs"]:
            if leg["role"] != "caller":
                legs.append_text(safe(f"{leg['party']} {leg['activity']} "))
                legs.append_text(_age(leg["since"], now))
                legs.append("  ")
        where = call["queue"] if call["owner"] == "queue" else call["node"] or call["flow"]
        transfer = f"{call['transfer_state']} → {call['transfer_target']}" if call["transfer_state"] else ""
        table.add_row(
            safe(call["caller"] or "withheld"),
            _number(call["dialled"]),
            _age(call["ingress"], now, limit=LONG_WAIT if call["answered"] is None else None),
            safe(f"{call['owner']} {where or ''}", _OWNER_COLOURS.get(call["owner"], "")),
            "" if call["place"] is None else str(call["place"]),
            legs,
            safe(transfer, "blue"),
        )
    return table


def _seats(seats: list[dict[str, Any]], now: float, room: int | None) -> Table:
    shown = seats if room is None else seats[:room]
    more = f", {len(seats) - len(shown)} more" if len(shown) < len(seats) else ""
    table = _table(
        f"座席 Seats ({len(seats)}{more})", "seat", "name", "agent", "state", "for", "left", "phone", "queues"
    )
    for seat in shown:
        state = seat["state"] + (f" ({seat['reason']})" if seat["reason"] else "")
        left = span(max(0.0, seat["until"] - now)) if seat["until"] is not None else ""
        table.add_row(
            safe(seat["seat"]),
            safe(seat["name"]),
            safe(seat["agent"] or ""),
            safe(state, SEAT_COLOURS.get(seat["state"], "")),
            _age(seat["since"], now),
            left,
            Text("up", "green") if seat["reachable"] else Text("away", "red"),
            safe(" ".join(seat["queues"])),
        )
    return table
