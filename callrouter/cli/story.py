"""A finished call as a person reads it in a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from rich import box
from rich.console import Console, Group, OverflowMethod, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from acd.ids import Instant
from acd.record import Activity, CallRecord, FlowStep, Role, Segment
from callrouter.live_site import Taken
from callrouter.privacy import mask_number, mask_text, mask_value

COLOURS: Final = {
    Activity.FLOW: "white on grey37",
    Activity.QUEUE: "black on yellow",
    Activity.RING: "black on cyan",
    Activity.TALK: "black on green",
    Activity.HOLD: "white on magenta",
    Activity.CONSULT: "white on blue",
    Activity.CONFERENCE: "black on bright_green",
    Activity.WRAP_UP: "white on grey50",
}
_OUTCOMES: Final = {"answered": "bold green", "rejected": "bold red", "failed": "bold red"}
_LABEL: Final = 16
_PIPED_WIDTH: Final = 130
WHOLE_WIDTH: Final = 130
"""Columns in which whole numbers stand beside whole ids; a narrower terminal breaks the lines itself."""
_PHONE_WIDTH: Final = 11
NUMBER_WIDTH: Final = 20
"""Columns of a telephone number as it should be, and at most."""


def console(least: int = 0) -> Console:
    """The terminal, or at `least` so wide; wide enough for every column when the output goes elsewhere."""
    found = Console()
    width = found.width if found.is_terminal else _PIPED_WIDTH
    return found if found.is_terminal and width >= least else Console(width=max(width, least))


def sheet(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))


def safe(text: str, style: str = "") -> Text:
    """Text from outside: no markup, no escape sequences, no reordering of what stands around it."""
    return Text("".join(sign if sign.isprintable() else "�" for sign in text), style)


def clock(instant: Instant) -> str:
    """Local time of day to the millisecond."""
    return datetime.fromtimestamp(instant).strftime("%H:%M:%S.%f")[:-3]


def span(seconds: float) -> str:
    """A duration as people say it: ``4.2 s``, ``2:05``, ``1:02:03``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def calls_table(records: Iterable[CallRecord], *, masked: bool) -> Table:
    records = list(records)
    table = sheet("Finished calls, newest first")
    # An id cut short could not be handed to `calls show`; what callers and dialers send may be of any length.
    table.add_column("call", no_wrap=True, min_width=max((len(one.call) for one in records), default=0))
    table.add_column("when", no_wrap=True)
    # Whoever asks for the numbers gets them whole, on several lines when they are long.
    overflow: OverflowMethod = "ellipsis" if masked else "fold"
    least = None if masked else _PHONE_WIDTH
    for heading in ("caller", "dialled"):
        table.add_column(heading, no_wrap=masked, min_width=least, max_width=NUMBER_WIDTH, overflow=overflow)
    for heading in ("outcome", "seat", "to human", "length"):
        table.add_column(heading, no_wrap=True)
    table.add_column("transfers", min_width=least, overflow=overflow)
    for record in records:
        waited = span(record.answered - record.ingress) if record.answered is not None else ""
        table.add_row(
            safe(record.call),
            datetime.fromtimestamp(record.ingress).strftime("%m-%d %H:%M:%S"),
            safe(mask_number(record.caller) if masked else record.caller),
            safe(record.dialled),
            Text(record.outcome, _OUTCOMES.get(record.outcome, "yellow")),
            safe(record.first_seat or ""),
            waited,
            span(record.ended - record.ingress),
            safe(", ".join(mask_text(one.target) if masked else one.target for one in record.transfers)),
        )
    return table


def story(record: CallRecord, version: Taken | None, *, masked: bool, width: int) -> RenderableType:
    """Everything known about a call, top to bottom in the order it happened."""
    parts: list[RenderableType] = [_header(record, version, masked=masked), _stamps(record)]
    if record.segments:
        parts.append(_timeline(record.segments, masked=masked, width=width))
        parts.append(_segments(record, masked=masked))
    if record.transfers:
        parts.append(_transfers(record, masked=masked))
    if record.trace:
        parts.append(way(record.trace, record.ingress, "(left here)", masked=masked))
    return Group(*parts)


def live_story(document: Mapping[str, Any], now: Instant) -> RenderableType:
    """A call that goes on, as the server tells it: masked there."""
    since = float(document["ingress"])
    text = Text()
    text.append_text(safe(f"{document['caller'] or 'withheld'} → {document['dialled']}", "bold"))
    text.append(f"   {datetime.fromtimestamp(since).astimezone():%Y-%m-%d %H:%M:%S %z}")
    text.append(f"   {span(max(0.0, now - since))}   ")
    text.append("goes on\n", "bold green")
    names = ("owner", "organisation", "queue", "place", "seat", "flow", "node", "language", "transfer_state")
    about = "   ".join(f"{name} {document[name]}" for name in names if document[name])
    text.append_text(safe(about, "dim"))
    legs = sheet("Legs")
    for heading in ("who", "activity", "for"):
        legs.add_column(heading)
    for leg in document["legs"]:
        who = f"{leg['role']} {leg['party']}".strip()
        legs.add_row(safe(who), safe(leg["activity"]), span(max(0.0, now - leg["since"])))
    steps = [msgspec.convert(step, FlowStep) for step in document["trace"]]
    panel = Panel(text, title=safe(f"call {document['call']}"), title_align="left")
    return Group(panel, legs, way(steps, since, "(is here)", masked=False))


def ran_on(version: Taken) -> Text:
    """The site's version that a call ran on."""
    since = datetime.fromtimestamp(version.at).strftime("%Y-%m-%d %H:%M")
    return safe(f"site version {version.digest}, in force since {since} by {version.by}", "dim")


def _header(record: CallRecord, version: Taken | None, *, masked: bool) -> Panel:
    caller = (mask_number(record.caller) if masked else record.caller) or "withheld"
    text = Text()
    text.append_text(safe(f"{caller} → {record.dialled}", "bold"))
    text.append(f"   {datetime.fromtimestamp(record.ingress).astimezone():%Y-%m-%d %H:%M:%S %z}")
    text.append(f"   {span(record.ended - record.ingress)}   ")
    text.append(record.outcome, _OUTCOMES.get(record.outcome, "bold yellow"))
    text.append(f", ended by {record.ended_by} (Q.850 cause {record.cause})\n")
    about = {
        "organisation": record.organisation,
        "queue": record.queue,
        "seat": record.first_seat,
        "agent": record.first_agent,
        "flow": f"{record.flow}@{record.flow_version}",
        "language": record.language,
        "trunk": record.trunk,
        "node": record.node,
    }
    text.append_text(safe("   ".join(f"{name} {value}" for name, value in about.items() if value), "dim"))
    if version is not None:
        text.append("\n").append_text(ran_on(version))
    return Panel(text, title=safe(f"call {record.call}"), title_align="left")


def _stamps(record: CallRecord) -> Table:
    table = Table(title="Stamps", title_justify="left", show_header=False, box=None, padding=(0, 2))
    for name in ("ingress", "accepted", "menu_end", "enqueued", "rang", "answered", "ended"):
        instant = getattr(record, name)
        if instant is None:
            table.add_row(name, Text("never", "dim"), "")
        else:
            table.add_row(name, clock(instant), f"+{instant - record.ingress:.3f} s")
    return table


def _tracks(segments: Sequence[Segment]) -> dict[str, list[Segment]]:
    tracks: dict[str, list[Segment]] = {}
    for segment in segments:
        tracks.setdefault(segment.track, []).append(segment)
    return tracks


def _who(segment: Segment, *, masked: bool) -> str:
    party = mask_text(segment.party) if masked and segment.role is not Role.SEAT else segment.party
    return f"{segment.role.value} {party}".strip()


def _timeline(segments: Sequence[Segment], *, masked: bool, width: int) -> RenderableType:
    """One bar a track, to scale, from the first instant to the last."""
    first = min(segment.started for segment in segments)
    last = max(segment.ended for segment in segments)
    room = max(20, width - _LABEL - 2)
    scale = room / (last - first) if last > first else 0.0
    rows: list[RenderableType] = [Text("Timeline", "italic")]
    for parts in _tracks(segments).values():
        row = safe(_who(parts[0], masked=masked)[: _LABEL - 1].ljust(_LABEL))
        column = 0
        for part in parts:
            begin, end = round((part.started - first) * scale), round((part.ended - first) * scale)
            row.append(" " * (begin - column))
            row.append(_bar(part.activity, end - begin), COLOURS[part.activity])
            column = max(column, end)
        rows.append(row)
    rows.append(Text(" " * _LABEL + f"{clock(first)} ".ljust(room - 12, "·") + clock(last), "dim"))
    return Group(*rows)


def _bar(activity: Activity, width: int) -> str:
    """The activity's name as far as it fits: readable without colour too."""
    return activity.value[:width].ljust(width, "─" if width > len(activity.value) else " ")


def _segments(record: CallRecord, *, masked: bool) -> Table:
    table = sheet("Segments")
    for heading in ("track", "who", "activity", "from", "to", "length", "detail"):
        table.add_column(
            heading, justify="right" if heading == "length" else "left", no_wrap=heading != "detail"
        )
    for parts in _tracks(record.segments).values():
        for number, part in enumerate(parts):
            table.add_row(
                part.track if number == 0 else "",
                safe(_who(part, masked=masked)) if number == 0 else "",
                Text(f" {part.activity.value} ", COLOURS[part.activity]),
                clock(part.started),
                clock(part.ended),
                f"{part.ended - part.started:.3f} s",
                safe(mask_text(part.detail) if masked else part.detail),
                end_section=number == len(parts) - 1,
            )
    return table


def _transfers(record: CallRecord, *, masked: bool) -> Table:
    table = sheet("Transfers")
    for heading in ("#", "kind", "by", "target", "asked", "answered", "ended", "outcome", "cause"):
        table.add_column(heading, no_wrap=heading != "cause")
    for one in record.transfers:
        table.add_row(
            str(one.number),
            one.kind,
            safe(one.by or ""),
            safe(mask_text(one.target) if masked else one.target),
            clock(one.asked),
            clock(one.answered) if one.answered is not None else "never",
            clock(one.ended),
            Text(one.outcome, "green" if one.outcome == "completed" else "yellow"),
            safe(one.cause),
        )
    return table


def way(steps: Sequence[FlowStep], since: Instant, still: str, *, masked: bool) -> Table:
    """The way through the flow; `still` stands for the branch of a last node that was not left by one."""
    table = sheet("Way through the flow")
    for heading in ("at", "node", "where", "branch", "variables"):
        table.add_column(heading)
    for step in steps:
        variables = mask_value(dict(step.variables)) if masked else dict(step.variables)
        assert isinstance(variables, dict)
        table.add_row(
            f"+{step.at - since:.3f} s",
            safe(step.node),
            safe(f"{step.flow}:{step.line}"),
            safe(step.branch) if step.branch or step is not steps[-1] else Text(still, "dim"),
            safe(", ".join(f"{name}={value}" for name, value in variables.items())),
        )
    return table
