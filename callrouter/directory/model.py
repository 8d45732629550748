"""The directory as the router asks it: pure, immutable, by date.

A day belongs to an entry from `from` to `until`, both included, in the province's
own time; the caller of these functions says which day it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from acd.ids import OrgId, Seconds
from callrouter.config.faults import Fault
from callrouter.directory.numbers import international, national
from callrouter.directory.schema import LineEntry, LineKind, Mode


@dataclass(frozen=True, slots=True)
class Organisation:
    id: OrgId
    name: str
    parent: OrgId | None
    areas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trunk:
    """A way to carriers or partners; `proxy` is ``""`` where the settings must say it."""

    name: str
    title: str
    proxy: str
    addresses: tuple[str, ...]
    transport: str
    codecs: tuple[str, ...]
    user: str
    numbers: str
    prefix: str
    user_phone: bool
    user_to_user: bool
    history: bool
    capacity: int
    options: int
    refer: bool

    def endpoint(self, number: str) -> str:
        """What Asterisk dials to reach `number` this way."""
        written = international(number) if self.numbers == "e164" else number
        return f"PJSIP/{self.prefix}{written}@{self.name}"


@dataclass(frozen=True, slots=True)
class Ingress:
    """Where a caller begins: whose call it is and which flow it enters."""

    organisation: str
    flow: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is on one day.

    `ring_for` in seconds; `capacity` 0: unknown; `hours` ``""``: day and night;
    `backup` ``""``: none.
    """

    number: str
    name: str
    kind: LineKind
    mode: Mode | None
    topics: tuple[str, ...]
    trunks: tuple[Trunk, ...]
    dial: str
    ring_for: Seconds
    capacity: int
    hours: str
    backup: str
    headers: Mapping[str, str]

    @property
    def emergency(self) -> bool:
        return self.kind == "emergency"

    def endpoint(self, trunk: Trunk) -> str:
        return trunk.endpoint(self.dial)

    def endpoints(self) -> tuple[str, ...]:
        """One for each trunk, in the order to try them."""
        return tuple(self.endpoint(trunk) for trunk in self.trunks)


@dataclass(frozen=True, slots=True)
class DatedLine:
    """A line's whole story."""

    number: str
    name: str
    kind: LineKind
    topics: tuple[str, ...]
    entries: tuple[LineEntry, ...]

    def on(self, day: date) -> LineEntry | None:
        return next((entry for entry in self.entries if covers(entry.begins, entry.until, day)), None)


@dataclass(frozen=True, slots=True)
class DatedIngress:
    begins: date | None
    until: date | None
    trunks: frozenset[str]
    ingress: Ingress


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that another file must know; `fault` is what to say when it doesn't."""

    kind: str
    """``flow``, ``calendar`` or ``organisation``."""
    name: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Directory:
    """Organisations, trunks, lines and ingress numbers of a site."""

    organisations: Mapping[OrgId, Organisation]
    trunks: Mapping[str, Trunk]
    lines: Mapping[str, DatedLine]
    ingresses: Mapping[str, tuple[DatedIngress, ...]]
    references: tuple[Reference, ...] = field(default=(), compare=False)

    def ingress(self, dialled: str, trunk: str, on: date) -> Ingress | None:
        """Where a call to `dialled` that came by `trunk` begins; None: nobody here answers that number (404).

        An entry for the trunk goes before one for all; a merged line's number leads where its entry says.
        """
        number = national(dialled)
        found = [one for one in self.ingresses.get(number, ()) if covers(one.begins, one.until, on)]
        own = next((one for one in found if trunk in one.trunks), None)
        general = next((one for one in found if not one.trunks), None)
        if own is not None or general is not None:
            return (own or general).ingress  # type: ignore[union-attr]
        line = self.lines.get(number)
        entry = line.on(on) if line is not None else None
        if entry is None or entry.organisation is None or entry.flow is None:
            return None
        return Ingress(entry.organisation, entry.flow)

    def line(self, number: str, on: date) -> Line | None:
        """The line that can be dialled under `number` that day; None when unknown, not yet or no longer."""
        dated = self.lines.get(national(number))
        entry = dated.on(on) if dated is not None else None
        if dated is None or entry is None or entry.mode == "FULL_MERGE":
            return None
        return Line(
            number=dated.number,
            name=dated.name,
            kind=dated.kind,
            mode=entry.mode,
            topics=dated.topics,
            trunks=tuple(self.trunks[name] for name in entry.trunks),
            dial=entry.dial or dated.number,
            ring_for=entry.ring_for,
            capacity=entry.capacity,
            hours=entry.hours,
            backup=entry.backup or "",
            headers=dict(entry.headers),
        )

    def lines_on(self, on: date) -> tuple[Line, ...]:
        """Every line that can be dialled that day, in the file's order."""
        return tuple(line for number in self.lines if (line := self.line(number, on)) is not None)

    def answered_on(self, on: date) -> tuple[tuple[str, frozenset[str], OrgId, str], ...]:
        """(number, only by these trunks, organisation, flow) of every number answered here that day.

        Merged lines' old numbers come last; no trunks: by any.
        """
        found = [
            (number, one.trunks, OrgId(one.ingress.organisation), one.ingress.flow)
            for number, entries in self.ingresses.items()
            for one in entries
            if covers(one.begins, one.until, on)
        ]
        for number, line in self.lines.items():
            entry = line.on(on)
            if entry is not None and entry.organisation is not None and entry.flow is not None:
                found.append((number, frozenset(), OrgId(entry.organisation), entry.flow))
        return tuple(found)

    def codes(self, on: date) -> tuple[str, ...]:
        """Numbers that feature codes may dial."""
        return tuple(line.number for line in self.lines_on(on))

    def ring_for(self, number: str, on: date) -> Seconds | None:
        line = self.line(number, on)
        return line.ring_for if line is not None else None

    def backup(self, number: str, on: date) -> Line | None:
        """The line tried instead of `number` when that can't be reached."""
        line = self.line(number, on)
        return self.line(line.backup, on) if line is not None and line.backup else None

    def ladder(self, number: str, on: date) -> tuple[Line, ...]:
        """The line and its backups in order; finite, because the loader refuses circles."""
        return tuple(self._climb(number, on))

    def _climb(self, number: str, on: date) -> Iterator[Line]:
        line = self.line(number, on)
        while line is not None:
            yield line
            line = self.line(line.backup, on) if line.backup else None

    def subtree(self, organisation: OrgId) -> frozenset[OrgId]:
        """The organisation with all beneath it; itself alone when unknown."""
        found = {organisation}
        rest = list(self.organisations.values())
        while added := {one.id for one in rest if one.parent in found} - found:
            found |= added
        return frozenset(found)


def covers(begins: date | None, until: date | None, day: date) -> bool:
    """Whether `day` lies within; an open end has no limit."""
    return (begins is None or begins <= day) and (until is None or day <= until)
