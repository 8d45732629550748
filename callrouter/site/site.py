"""One folder with all that engineers edit: flows, prompts, directory, floor."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import time
from zoneinfo import ZoneInfo

from acd.ids import Instant, OrgId, QueueId, SeatId
from acd.plan import FloorPlan
from callrouter.config.document import ConfigError, Fault
from callrouter.directory import Directory, load_directory, reference_faults
from callrouter.flow import say
from callrouter.flow.calendar import gap_notices
from callrouter.flow.check import calendars_used, check
from callrouter.flow.check_names import Known
from callrouter.flow.loader import flow_set, read_flows
from callrouter.flow.program import FlowSet
from callrouter.site.floor import SeatAccountPlan, load_floor
from callrouter.site.floor_faults import never_met
from callrouter.site.hours import with_hours

FALLBACK_LANGUAGE = "zh"
_PREFECTURE = re.compile(r"0[0-9]{2,3}12345")


@dataclass(frozen=True, slots=True)
class Site:
    """Checked, immutable: a running controller swaps one for the next."""

    folder: Path
    flows: FlowSet
    directory: Directory
    floor: FloorPlan
    seats: dict[SeatId, SeatAccountPlan]
    timezone: str
    recorded: frozenset[QueueId] = frozenset()
    """Queues whose calls are recorded."""
    organisations: Mapping[QueueId, OrgId] = field(default_factory=dict)
    """Whose a queue is; one that is everybody's is left out."""
    calendars: frozenset[str] = frozenset()
    """Those that flows, lines or queues ask."""
    phones: Mapping[str, SeatId] = field(init=False, repr=False, compare=False)
    """Seats by the endpoints of their phones."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "phones", {plan.endpoint: seat for seat, plan in self.seats.items()})

    def warnings(self, now: Instant) -> tuple[str, ...]:
        """What time brings, for who looks after a running system: calendars that lack a coming year."""
        known = self.flows.calendars
        return tuple(
            f"{message}. {hint}"
            for name in sorted(self.calendars & known.keys())
            for message, hint in gap_notices(name, known[name], now)
        )

    def seat(self, seat: SeatId) -> SeatAccountPlan | None:
        return self.seats.get(seat)

    def media(self, *prompts: str, language: str = FALLBACK_LANGUAGE) -> tuple[str, ...]:
        """Prompts one after another; in Mandarin where the language has no recording of one."""
        out: tuple[str, ...] = ()
        for prompt in prompts:
            voice = self.flows.voice
            out += voice.media(prompt, language) or voice.media(prompt, FALLBACK_LANGUAGE)
        return out

    def spoken(self, kind: str, value: object, language: str) -> tuple[str, ...]:
        """A value in words; in Mandarin where the language can't say it."""
        voice = self.flows.voice
        return voice.spoken(kind, value, language) or voice.spoken(kind, value, FALLBACK_LANGUAGE)

    def moving_on(self, number: str, language: str) -> tuple[str, ...]:
        """What the caller is told before being handed to a line, or to a colleague."""
        names = (f"transfer_{number}", "transfer_prefecture" if _PREFECTURE.fullmatch(number) else "")
        found = (self.media(name, language=language) for name in (*names, "please_hold") if name)
        return next((media for media in found if media), ())

    def waiting(self, position: int | None, wait: float | None, language: str) -> tuple[str, ...]:
        """An honest word for somebody in the queue: no number where none is known."""
        if position is None:
            return self.media("still_waiting", language=language)
        ahead = self._counted(say.queue_position(position - 1), language)
        if position <= 1 or wait is None:
            return ahead
        return ahead + self._counted(say.expected_wait(wait), language)

    def _counted(self, prompts: say.Prompts, language: str) -> tuple[str, ...]:
        """A sentence with a number in it; all of it in Mandarin where the language lacks a part."""
        if len(prompts) == 1:
            return self.media(*prompts, language=language)
        for spoken_in in (language, FALLBACK_LANGUAGE):
            parts = [self.flows.voice.media(prompt, spoken_in) for prompt in prompts]
            if spoken_in in say.SPOKEN_LANGUAGES and all(parts):
                return tuple(media for part in parts for media in part)
        return ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A folder read as one: the site when nothing is wrong, and everything that is."""

    site: Site | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def load_site(folder: Path) -> Site:
    """Read and check everything that a call needs. Raises ConfigError with all faults of all files at once.

    Missing audio does not stop a start: the prompt is left out and `check_site` says so.
    """
    checked = check_site(folder, audio=False)
    if checked.site is None:
        raise ConfigError(checked.faults)
    return checked.site


def check_site(folder: Path, now: Instant | None = None, *, audio: bool = True) -> Checked:
    """All checks over all files; with `now` calendars are asked for the months to come.

    Opening hours of queues count from `now`, else from the present.
    """
    faults: list[Fault] = []
    directory, floor = None, None
    try:
        directory = load_directory(folder / "site" / "directory.yaml")
    except ConfigError as error:
        faults += error.faults
    try:
        floor = load_floor(folder / "site" / "floor.yaml")
    except ConfigError as error:
        faults += error.faults
    reading = read_flows(folder)
    references = (*(directory.references if directory else ()), *(floor.references if floor else ()))
    asked = frozenset(one.name for one in references if one.kind == "calendar")
    known = Known(
        queues=[plan.queue for plan in floor.plan.queues] if floor else None,
        skills=list(floor.skills) if floor else None,
        seats=list(floor.seats) if floor else None,
        lines=list(directory.lines) if directory else None,
        never_met=never_met(floor.plan) if floor else None,
        closing=list(floor.hours) if floor else (),
        calendars=asked,
    )
    found = check(reading, known, now, audio=audio)
    faults += found.errors
    warnings = (*(floor.warnings if floor else ()), *found.warnings)
    if directory is not None:
        names: dict[str, Collection[str]] = {
            "flow": reading.flows,
            "calendar": reading.calendars,
            "organisation": directory.organisations,
        }
        faults += reference_faults(references, names)
    if faults or reading.catalogue is None or directory is None or floor is None:
        return Checked(None, tuple(sorted(set(faults))), warnings)
    present = now or time()
    plan = with_hours(floor.plan, floor.hours, reading.calendars, present)
    site = Site(
        folder=folder,
        flows=flow_set(reading, reading.catalogue),
        directory=directory,
        floor=_local(plan, floor.timezone, present),
        seats=floor.seats,
        timezone=floor.timezone,
        recorded=floor.recorded,
        organisations=floor.organisations,
        calendars=calendars_used(reading.flows) | asked,
    )
    return Checked(site, (), warnings)


def _local(plan: FloorPlan, timezone: str, now: Instant) -> FloorPlan:
    """The plan with the day of this place."""
    offset = datetime.fromtimestamp(now, ZoneInfo(timezone)).utcoffset()
    return replace(plan, day_offset=offset.total_seconds() if offset is not None else 0.0)
