"""Key figures of service, each a named formula over counts that add up.

A `Tally` holds counts, and sums of durations in whole microseconds, over a set of
calls or seat time. Tallies of disjoint sets add field by field, hence any figure of
a day is recomputed from its quarter-hours, of a province from its prefectures. A
figure is the ratio of two sums of fields; `FIGURES` is the whole list. A ratio over
nothing is None, never 0 or 1.

Two definitions of waiting stand side by side: `asa` counts from the queue,
`time_to_human` from the INVITE, prompts included. `answer_rate` is by calls
offered: whoever reached a number that we serve, however soon they hung up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal, Self

from acd.ids import Instant, SeatId
from acd.record import Activity, CallRecord, Role, Segment, TransferRecord

MICRO: Final = 1_000_000
TARGET: Final = 15 * MICRO
"""T: within this a caller is to be answered (GB/T 33358-2016)."""
SHORT: Final = 5 * MICRO
"""Who hangs up sooner has hardly called: left out of `answer_rate_without_short`."""
CALLBACK_WITHIN: Final = 1800 * MICRO
"""A missed caller is to be called back within this."""


def micros(instant: Instant) -> int:
    """Seconds since the epoch as whole microseconds: sums of them are exact."""
    return round(instant * MICRO)


@dataclass(slots=True)
class Tally:
    """Counts and sums over a set. Durations are microseconds."""

    offered: int = 0
    """Calls to a number we serve; those in which we call somebody back are not."""
    enqueued: int = 0
    answered: int = 0
    """A person answered."""
    answered_in_target: int = 0
    """… within `TARGET` of entering the queue."""
    human_in_target: int = 0
    """… within `TARGET` of the INVITE."""
    abandoned_flow: int = 0
    abandoned_queue: int = 0
    abandoned_ringing: int = 0
    abandoned_in_target: int = 0
    """Left the queue, or a ringing seat, within `TARGET` of entering the queue."""
    short: int = 0
    """Hung up unanswered within `SHORT` of the INVITE."""
    wait: int = 0
    """Σ answer − enqueue of the answered."""
    to_human: int = 0
    """Σ answer − ingress of the answered."""
    handled: int = 0
    """Contacts of seats that were answered; a call with two seats has two."""
    talk: int = 0
    hold: int = 0
    wrap_up: int = 0
    transfers: int = 0
    transfers_answered: int = 0
    missed: int = 0
    """Callers owed a callback: they hung up while waiting, or were promised one."""
    called_back: int = 0
    """… and reached within 30 minutes."""
    surveyed: int = 0
    rated: int = 0
    satisfied: int = 0
    """Grades 4 and 5 of five."""
    on_contact: int = 0
    """Seat time reserved, ringing, talking, consulting, in wrap-up."""
    idle: int = 0
    """Seat time ready."""

    def add(self, other: Self) -> None:
        for name in TALLY_FIELDS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def total(self, names: Sequence[str]) -> int:
        # Most sums have one term, and a report over a year asks for half a million.
        if len(names) == 1:
            return int(getattr(self, names[0]))
        return sum([getattr(self, name) for name in names])


TALLY_FIELDS: Final = tuple(field.name for field in fields(Tally))


def summed(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """``Σ numerator ÷ (Σ denominator − Σ without)`` over a tally's fields."""

    name: str
    chinese: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    without: tuple[str, ...] = ()
    unit: Literal["ratio", "seconds"] = "ratio"
    target: float | None = None
    """Ratio or seconds; None: only told."""
    better: Literal["high", "low", ""] = "high"
    formula: str = ""

    def of(self, tally: Tally) -> float | None:
        """The figure of a tally; None when there is nothing to divide by."""
        base = tally.total(self.denominator) - tally.total(self.without)
        if base <= 0:
            return None
        value = tally.total(self.numerator) / base
        return value / MICRO if self.unit == "seconds" else value

    def met(self, value: float | None) -> bool | None:
        """Whether the target is met; None when there is no target or no value."""
        if self.target is None or value is None:
            return None
        return value >= self.target if self.better == "high" else value <= self.target


_CONTACT: Final = ("talk", "hold", "wrap_up")

FIGURES: Final[tuple[Figure, ...]] = (
    Figure(
        name="answer_rate",
        chinese="接通率",
        numerator=("answered",),
        denominator=("offered",),
        target=0.95,
        formula="answered by a person ÷ offered",
    ),
    Figure(
        name="answer_rate_without_short",
        chinese="接通率(除5秒内挂断)",
        numerator=("answered",),
        denominator=("offered",),
        without=("short",),
        formula="answered ÷ (offered − abandoned under 5 s)",
    ),
    Figure(
        name="service_level_offered",
        chinese="服务水平",
        numerator=("answered_in_target",),
        denominator=("offered",),
        target=0.90,
        formula="answered within 15 s of enqueue ÷ offered",
    ),
    Figure(
        name="service_level_answered",
        chinese="服务水平(仅接通)",
        numerator=("answered_in_target",),
        denominator=("answered",),
        formula="answered within 15 s ÷ answered (flatters: read beside service_level_offered)",
    ),
    Figure(
        name="service_level_abandon_ok",
        chinese="服务水平(含及时放弃)",
        numerator=("answered_in_target", "abandoned_in_target"),
        denominator=("answered", "abandoned_queue", "abandoned_ringing"),
        formula="(answered + abandoned, within 15 s) ÷ (answered + abandoned)",
    ),
    Figure(
        name="time_to_human",
        chinese="转人工时长",
        numerator=("to_human",),
        denominator=("answered",),
        unit="seconds",
        target=15.0,
        better="low",
        formula="mean(answer − ingress), prompts included",
    ),
    Figure(
        name="asa",
        chinese="平均排队时长",
        numerator=("wait",),
        denominator=("answered",),
        unit="seconds",
        target=12.0,
        better="low",
        formula="mean(answer − enqueue) of answered",
    ),
    Figure(
        name="abandonment",
        chinese="放弃率",
        numerator=("abandoned_queue",),
        denominator=("enqueued",),
        target=0.05,
        better="low",
        formula="abandoned in queue ÷ enqueued",
    ),
    Figure(
        name="abandonment_flow",
        chinese="语音导航放弃率",
        numerator=("abandoned_flow",),
        denominator=("offered",),
        better="low",
        formula="abandoned in the flow ÷ offered",
    ),
    Figure(
        name="abandonment_ringing",
        chinese="振铃放弃率",
        numerator=("abandoned_ringing",),
        denominator=("enqueued",),
        better="low",
        formula="abandoned while a seat rang ÷ enqueued",
    ),
    Figure(
        name="transfer_success",
        chinese="转接成功率",
        numerator=("transfers_answered",),
        denominator=("transfers",),
        target=0.95,
        formula="partner answered ÷ attempts",
    ),
    Figure(
        name="callback_completion",
        chinese="回拨完成率",
        numerator=("called_back",),
        denominator=("missed",),
        target=0.90,
        formula="reached within 30 min ÷ missed (hung up while waiting, or promised a callback)",
    ),
    Figure(
        name="aht",
        chinese="平均处理时长",
        numerator=_CONTACT,
        denominator=("handled",),
        unit="seconds",
        better="",
        formula="(talk + hold + wrap-up) ÷ handled",
    ),
    Figure(
        name="occupancy",
        chinese="席位利用率",
        numerator=("on_contact",),
        denominator=("on_contact", "idle"),
        better="",
        formula="on contact ÷ (on contact + idle)",
    ),
    Figure(
        name="satisfaction",
        chinese="满意率",
        numerator=("satisfied",),
        denominator=("rated",),
        formula="grades 4–5 ÷ rated",
    ),
    Figure(
        name="survey_response",
        chinese="评价率",
        numerator=("rated",),
        denominator=("surveyed",),
        better="",
        formula="rated ÷ asked",
    ),
)
FIGURE: Final[Mapping[str, Figure]] = {figure.name: figure for figure in FIGURES}

WAITING: Final = ("abandoned_queue", "abandoned_ringing")
ABANDONED: Final = ("abandoned_flow", *WAITING)
"""Outcomes that are also the names of their counts."""


# --- from records --------------------------------------------------------------------


def call_tally(record: CallRecord) -> Tally:
    """The caller's side of one call: everything but contacts and transfers."""
    tally = Tally()
    if not record.offered:
        return tally
    tally.offered = 1
    ingress = micros(record.ingress)
    entered = None if record.enqueued is None else micros(record.enqueued)
    tally.enqueued = int(entered is not None)
    if record.answered is not None:
        answered = micros(record.answered)
        wait = answered - (ingress if entered is None else entered)
        tally.answered = 1
        tally.wait = wait
        tally.to_human = answered - ingress
        tally.answered_in_target = int(wait <= TARGET)
        tally.human_in_target = int(tally.to_human <= TARGET)
    elif record.outcome in ABANDONED:
        ended = micros(record.ended)
        setattr(tally, record.outcome, 1)
        tally.missed = int(record.outcome in WAITING)
        tally.short = int(ended - ingress < SHORT)
        # Who left the flow, be it after a queue had given them back, is in neither part of the ratio.
        waited = entered is not None and record.outcome in WAITING
        tally.abandoned_in_target = int(waited and ended - (entered or 0) <= TARGET)
    return tally


def seat_tallies(segments: Iterable[Segment]) -> dict[SeatId, Tally]:
    """Contacts of each seat in a call. A track of a seat that talked is one contact.

    Talk includes conference and consultation: the seat is speaking.
    """
    tracks: dict[str, Tally] = {}
    seats: dict[str, SeatId] = {}
    for segment in segments:
        if segment.role is not Role.SEAT:
            continue
        tally = tracks.setdefault(segment.track, Tally())
        seats[segment.track] = SeatId(segment.party)
        length = micros(segment.ended) - micros(segment.started)
        if segment.activity in _SPEAKING:
            tally.talk += length
            tally.handled = 1
        elif segment.activity is Activity.HOLD:
            tally.hold += length
        elif segment.activity is Activity.WRAP_UP:
            tally.wrap_up += length
    found: dict[SeatId, Tally] = {}
    for track, tally in tracks.items():
        found.setdefault(seats[track], Tally()).add(tally)
    return found


_SPEAKING: Final = frozenset({Activity.TALK, Activity.CONSULT, Activity.CONFERENCE})


def transfer_tally(transfer: TransferRecord) -> Tally:
    return Tally(transfers=1, transfers_answered=int(transfer.answered is not None))
