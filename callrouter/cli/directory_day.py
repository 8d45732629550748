"""A day of the directory, for scripts and for people."""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from callrouter.directory import Directory, Line
from callrouter.directory.model import Organisation, Trunk

MERGED: Final = "FULL_MERGE"


def as_data(found: Directory, day: date) -> dict[str, Any]:
    """All that is in force that day, ready for JSON; what is unlimited or unsaid is null."""
    return {
        "on": day.isoformat(),
        "organisations": [
            {"id": one.id, "name": one.name, "parent": one.parent, "areas": list(one.areas)}
            for one in found.organisations.values()
        ],
        "trunks": [_trunk(one) for one in found.trunks.values()],
        "ingress": [
            {
                "number": number,
                "trunks": sorted(trunks),
                "organisation": organisation,
                "flow": flow,
                "merged": _merged(found, number, day) or None,
            }
            for number, trunks, organisation, flow in found.answered_on(day)
        ],
        "lines": [_line(one) for one in found.lines_on(day)],
    }


def _trunk(trunk: Trunk) -> dict[str, Any]:
    return {
        "name": trunk.name,
        "title": trunk.title,
        "proxy": trunk.proxy or None,
        "addresses": list(trunk.addresses),
        "transport": trunk.transport,
        "user": trunk.user or None,
        "codecs": list(trunk.codecs),
        "numbers": trunk.numbers,
        "prefix": trunk.prefix or None,
        "user_phone": trunk.user_phone,
        "user_to_user": trunk.user_to_user,
        "history": trunk.history,
        "capacity": trunk.capacity or None,
        "options": trunk.options or None,
        "refer": trunk.refer,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "number": line.number,
        "name": line.name,
        "kind": line.kind,
        "mode": line.mode,
        "topics": list(line.topics),
        "trunks": [trunk.name for trunk in line.trunks],
        "dial": line.dial,
        "endpoints": list(line.endpoints()),
        "ring_for": line.ring_for,
        "capacity": line.capacity or None,
        "hours": line.hours or None,
        "backup": line.backup or None,
        "headers": dict(line.headers),
    }


def _merged(found: Directory, number: str, day: date) -> str:
    """The name that a retired number had; ``""`` for all others."""
    line = found.lines.get(number)
    entry = line.on(day) if line is not None else None
    return line.name if line is not None and entry is not None and entry.mode == MERGED else ""


def show(found: Directory, day: date) -> None:
    """Print it as tables."""
    console = Console(markup=False)  # a name may hold brackets
    for table in (_numbers(found, day), _lines(found, day), _trunks(found), _organisations(found)):
        console.print(table)


def _numbers(found: Directory, day: date) -> Table:
    table = Table("number", "by trunk", "organisation", "flow", "merged", title="Numbers answered here")
    for number, only_by, organisation, flow in found.answered_on(day):
        name = found.organisations[organisation].name
        trunks = ", ".join(sorted(only_by)) or "any"
        table.add_row(number, trunks, name, flow, _merged(found, number, day))
    return table


def _lines(found: Directory, day: date) -> Table:
    table = Table(title=f"Lines on {day}")
    for head in ("number", "name", "mode", "trunks", "ring", "places", "hours", "ladder"):
        table.add_column(head, no_wrap=head != "name")
    for line in found.lines_on(day):
        ways = ", ".join(trunk.name for trunk in line.trunks)
        if line.dial != line.number:
            ways += f" as {line.dial}"
        ladder = " → ".join(step.number for step in found.ladder(line.number, day)[1:])
        row = (line.number, line.name, line.mode or line.kind, ways, f"{line.ring_for:g} s")
        table.add_row(*row, str(line.capacity or ""), line.hours or "always", ladder)
    return table


def _trunks(found: Directory) -> Table:
    table = Table("trunk", "name", "proxy", "codecs", "numbers", "calls", "OPTIONS", "speaks", title="Trunks")
    for trunk in found.trunks.values():
        proxy = trunk.proxy or "from the settings"
        if trunk.user:
            proxy += f" as {trunk.user}"
        written = f"{trunk.prefix}…" if trunk.prefix else ""
        written += trunk.numbers + (", user=phone" if trunk.user_phone else "")
        speaks = {"User-to-User": trunk.user_to_user, "history": trunk.history, "REFER": trunk.refer}
        table.add_row(
            trunk.name,
            trunk.title,
            f"{proxy} ({trunk.transport})",
            ", ".join(trunk.codecs),
            written,
            str(trunk.capacity or ""),
            f"{trunk.options} s" if trunk.options else "none",
            ", ".join(name for name, spoken in speaks.items() if spoken),
        )
    return table


def _organisations(found: Directory) -> Table:
    table = Table("organisation", "name", "area codes", title="Organisations")
    for depth, one in _tree(found, None, 0):
        table.add_row("  " * depth + one.id, one.name, ", ".join(one.areas))
    return table


def _tree(found: Directory, parent: str | None, depth: int) -> Iterator[tuple[int, Organisation]]:
    for one in found.organisations.values():
        if one.parent == parent:
            yield depth, one
            yield from _tree(found, one.id, depth + 1)
