"""What types can't say about a directory: names that exist, dates that fit, ladders that end."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from callrouter.config.document import Document, Fault
from callrouter.config.validation import did_you_mean
from callrouter.directory.schema import DirectoryFile, LineEntry, LineModel


def faults(document: Document, file: DirectoryFile) -> list[Fault]:
    """Every fault of a file whose types are right."""
    return [
        *_organisation_faults(document, file),
        *_ingress_faults(document, file),
        *_line_faults(document, file),
        *_backup_faults(document, file),
        *_emergency_faults(document, file),
    ]


def _organisation_faults(document: Document, file: DirectoryFile) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for name, organisation in file.organisations.items():
        at = ("organisations", name)
        parent = organisation.parent
        if parent is not None and parent not in file.organisations:
            hint = did_you_mean(parent, file.organisations)
            yield document.fault((*at, "parent"), f"no organisation {parent!r}", hint)
        elif circle := _circle(name, {key: one.parent for key, one in file.organisations.items()}):
            yield document.fault((*at, "parent"), f"{circle} is a circle", "Let the topmost have no parent")
        for index, area in enumerate(organisation.areas):
            if (owner := owners.setdefault(area, name)) != name:
                message = f"area code {area} belongs to {owner!r} already"
                yield document.fault((*at, "areas", index), message, "Keep it in one place")


def _circle(start: str, step: Mapping[str, str | None]) -> str:
    """``a → b → a`` when following `step` leads back to `start`."""
    path = [start]
    following = step.get(start)
    while following is not None and following not in path:
        path.append(following)
        following = step.get(following)
    return " → ".join([*path, start]) if following == start else ""


def _unknown(
    document: Document, path: Sequence[str | int], what: str, name: str, known: Mapping[str, object]
) -> Iterator[Fault]:
    if name not in known:
        yield document.fault(path, f"no {what} {name!r}", did_you_mean(name, known))


def _ingress_faults(document: Document, file: DirectoryFile) -> Iterator[Fault]:
    for index, entry in enumerate(file.ingress):
        at = ("ingress", index)
        yield from _unknown(
            document, (*at, "organisation"), "organisation", entry.organisation, file.organisations
        )
        for position, trunk in enumerate(entry.trunks):
            yield from _unknown(document, (*at, "trunks", position), "trunk", trunk, file.trunks)
        for before in range(index):
            yield from _ingress_clash(document, file, index, before)


def _ingress_clash(document: Document, file: DirectoryFile, index: int, before: int) -> Iterator[Fault]:
    entry, other = file.ingress[index], file.ingress[before]
    same_trunks = set(entry.trunks) & set(other.trunks) or (not entry.trunks and not other.trunks)
    if not same_trunks or not _overlap(entry.begins, entry.until, other.begins, other.until):
        return
    line, _ = document.position(("ingress", before))
    for position, number in enumerate(entry.numbers):
        if number in other.numbers:
            message = f"{number} is answered twice on the same days"
            hint = f"The other entry is on line {line}"
            yield document.fault(("ingress", index, "numbers", position), message, hint)


def _line_faults(document: Document, file: DirectoryFile) -> Iterator[Fault]:
    answered = {number for entry in file.ingress for number in entry.numbers}
    for number, line in file.lines.items():
        for index, entry in enumerate(line.entries):
            at = ("lines", number, "entries", index)
            for position, trunk in enumerate(entry.trunks):
                yield from _unknown(document, (*at, "trunks", position), "trunk", trunk, file.trunks)
            if entry.organisation is not None:
                yield from _unknown(
                    document, (*at, "organisation"), "organisation", entry.organisation, file.organisations
                )
            yield from _mode_faults(document, at, line, entry)
            for other in range(index):
                before = line.entries[other]
                if _overlap(entry.begins, entry.until, before.begins, before.until):
                    message = f"{number} has two entries for the same days"
                    position_of_other = document.position((*at[:3], other))[0]
                    hint = f"Give the one on line {position_of_other} an earlier `until`"
                    yield document.fault(at, message, hint)
            if entry.mode == "FULL_MERGE" and number in answered:
                message = f"merged number {number} stands under `ingress` too"
                yield document.fault(at, message, "Keep one of the two")


def _mode_faults(
    document: Document, at: Sequence[str | int], line: LineModel, entry: LineEntry
) -> Iterator[Fault]:
    if line.kind == "hotline" and entry.mode is None:
        yield document.fault(at, "`mode` is missing", "A hotline is FULL_MERGE, DUAL_NUMBER or SUB_CENTER")
    if line.kind != "hotline" and entry.mode is not None:
        yield document.fault((*at, "mode"), f"`mode` says nothing of kind {line.kind}", "Remove it")
    if entry.mode == "FULL_MERGE":
        if entry.trunks:
            message = "a merged number is answered here and has no trunk"
            yield document.fault((*at, "trunks"), message, "Remove `trunks`, or choose another mode")
        if entry.organisation is None or entry.flow is None:
            message = "a merged number needs `organisation` and `flow`"
            yield document.fault(at, message, "Say whose call it is and where it begins")
        return
    if not entry.trunks:
        yield document.fault(at, "`trunks` is missing", "Name at least one way to the line")
    for key in ("organisation", "flow"):
        if getattr(entry, key) is not None:
            yield document.fault((*at, key), f"`{key}` is for merged numbers only", "Remove it")


def _backup_faults(document: Document, file: DirectoryFile) -> Iterator[Fault]:
    for number, line in file.lines.items():
        for index, entry in enumerate(line.entries):
            if entry.backup is None:
                continue
            at = ("lines", number, "entries", index, "backup")
            backup = file.lines.get(entry.backup)
            if backup is None:
                hint = did_you_mean(entry.backup, file.lines)
                yield document.fault(at, f"no line {entry.backup!r}", hint)
            elif gap := _uncovered(entry, backup):
                yield document.fault(at, f"backup {entry.backup} {gap}", "Choose a line that lives as long")
            else:
                yield from _ladder_faults(document, file, number, entry, at)


def _ladder_faults(
    document: Document, file: DirectoryFile, number: str, entry: LineEntry, at: Sequence[str | int]
) -> Iterator[Fault]:
    """A circle on any day: the days on which some entry begins are enough to try."""
    begins = [one.begins for line in file.lines.values() for one in line.entries if one.begins is not None]
    for day in [*begins, date.min, date.max]:
        if not _overlap(entry.begins, entry.until, day, day):
            continue
        step = {key: _backup_on(line, day) for key, line in file.lines.items()}
        if circle := _circle(number, step):
            yield document.fault(at, f"backups go in a circle: {circle}", "Let the last of them have none")
            return


def _backup_on(line: LineModel, day: date) -> str | None:
    return next((one.backup for one in line.entries if _overlap(one.begins, one.until, day, day)), None)


def _uncovered(entry: LineEntry, backup: LineModel) -> str:
    """Which of the entry's days the backup can't serve, ``""`` when it serves all."""
    day = entry.begins or date.min
    last = entry.until or date.max
    while day <= last:
        found = next((one for one in backup.entries if _overlap(one.begins, one.until, day, day)), None)
        if found is None or found.mode == "FULL_MERGE":
            return "has no line of its own " + ("at first" if day == date.min else f"on {day}")
        if found.until is None:
            return ""
        day = date.fromordinal(found.until.toordinal() + 1)
    return ""


def _emergency_faults(document: Document, file: DirectoryFile) -> Iterator[Fault]:
    """Emergency calls must find their trunk free."""
    ordinary = {
        trunk
        for line in file.lines.values()
        for entry in line.entries
        for trunk in entry.trunks
        if line.kind != "emergency"
    }
    for number, line in file.lines.items():
        for index, entry in enumerate(line.entries):
            for position, trunk in enumerate(entry.trunks):
                if line.kind == "emergency" and trunk in ordinary:
                    path = ("lines", number, "entries", index, "trunks", position)
                    message = f"trunk {trunk!r} also carries other lines"
                    yield document.fault(path, message, "Give the emergency numbers a trunk of their own")


def _overlap(
    begins: date | None, until: date | None, other_begins: date | None, other_until: date | None
) -> bool:
    first, last = begins or date.min, until or date.max
    return first <= (other_until or date.max) and (other_begins or date.min) <= last
