"""What is proved: the cases, and what has to come of each. Pure; the page and its test read it too.

A case is a scene that a transfer has come to, who leaves then, and how the partner
behaves all along. `SEEKING` in the table never lasts (the next rung is dialled in the
same turn); here it is the time in which the INVITE is out and nothing has come back.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from simulators.partners import LINES, Behaviour, Kind

FIRST_LINE: Final = 20000
"""Each case has a line of its own, so that no circuit breaker opens for another's failures."""
RING_LIMIT: Final = 5
SOMEWHERE: Final = "sip:phone@0.0.0.0:1"
"""The phone of the case, put in when it has a port."""
LONG: Final = 120.0
"""Longer than any case: a phone that rings, or a partner that stays, until somebody else moves."""


class Scene(StrEnum):
    SEEKING = "seeking"
    RINGING = "ringing"
    CONSULTING = "consulting"
    SWAPPED = "swapped"
    CONFERENCE = "conference"
    BLONDE = "blonde"
    COMPLETED = "completed"
    RETURNED = "returned"


class Who(StrEnum):
    CALLER = "caller"
    SEAT = "seat"
    PARTNER = "partner"


class After(StrEnum):
    """Where the caller is once somebody has left."""

    GONE = "gone"
    WITH_SEAT = "with the seat again"
    WITH_PARTNER = "with the partner"
    WITH_ANOTHER = "in line, then with a person"
    TOLD = "told that the call ends"


@dataclass(frozen=True, slots=True)
class Partner:
    """How the partner behaves, in words."""

    words: str
    behaviour: Behaviour
    speaks: bool = True
    """Its tone is heard once it has answered."""
    leaves: bool = False
    """It ends by itself; nobody has to hang up there."""
    answers: bool = True
    """It picks up if it is given the time."""
    holds: bool = False
    """A phone that puts us on hold and takes us back, before anything else."""


@dataclass(frozen=True, slots=True)
class Case:
    number: int
    scene: Scene
    who: Who
    partner: Partner
    way: str = ""
    """How the scene was come to, where there is more than one way."""

    @property
    def line(self) -> str:
        """The number in the directory."""
        return str(FIRST_LINE + self.number)

    @property
    def dials(self) -> str:
        """The partners' line that it leads to."""
        return LINES[self.number % len(LINES)]

    @property
    def after(self) -> After:
        if self.who is Who.CALLER:
            return After.GONE
        if self.scene is Scene.BLONDE:
            return After.WITH_ANOTHER
        if self.scene in (Scene.COMPLETED, Scene.RETURNED):
            return After.TOLD
        if self.who is Who.PARTNER:
            return After.WITH_SEAT
        if self.scene in (Scene.SEEKING, Scene.RINGING) and not self.partner.answers:
            return After.WITH_ANOTHER
        return After.WITH_PARTNER

    @property
    def rings(self) -> bool:
        """The caller hears ringback at some time."""
        early = (Scene.SEEKING, Scene.RINGING)
        return self.way in BLONDE_WAYS or (self.scene in early and self.who is Who.SEAT)

    @property
    def outcome(self) -> str:
        """Of the transfer's record."""
        if self.scene in (Scene.COMPLETED, Scene.RETURNED):
            return self.scene.value
        return {
            After.GONE: "abandoned",
            After.WITH_SEAT: "returned",
            After.WITH_PARTNER: "completed",
            After.WITH_ANOTHER: "requeued",
        }[self.after]

    @property
    def transfers(self) -> tuple[tuple[str, str], ...]:
        """Target and outcome of each transfer's record."""
        return ((self.line, self.outcome),)

    @property
    def answered(self) -> bool:
        """A person has spoken with the caller, once all is over."""
        return True

    def __str__(self) -> str:
        way = f" ({self.way})" if self.way else ""
        return f"{self.number}: {self.scene}{way}, {self.who} leaves, partner {self.partner.words}"


def refuses(status: int, after: float, words: str) -> Partner:
    """A partner that answers with a final status after ringing so long."""
    behaviour = Behaviour(kind=Kind.REJECT, status=status, after=after)
    return Partner(words, behaviour, answers=False, leaves=True)


def _never(kind: Kind, words: str) -> Partner:
    return Partner(words, Behaviour(kind=kind, after=LONG), answers=False, leaves=True)


STATUSES: Final[Mapping[int, str]] = {
    404: "not found",
    480: "not available",
    486: "busy",
    500: "server error",
    503: "congested",
    600: "busy everywhere",
    603: "declines",
}
ANSWERING: Final = (
    Partner("answers at once", Behaviour(record=True)),
    Partner("answers after 1 s", Behaviour(after=1.0, record=True)),
    Partner("is slow (0.3 s a message)", Behaviour(slow=0.3, record=True)),
    Partner("early media, then answers", Behaviour(kind=Kind.EARLY_MEDIA, after=0.8, record=True)),
    Partner("one-way audio", Behaviour(kind=Kind.ONE_WAY, record=True), speaks=False),
    Partner("answering machine", Behaviour(kind=Kind.MACHINE, length=LONG, record=True), speaks=False),
    Partner("re-INVITE, hold and back", Behaviour(kind=Kind.ELSEWHERE, target=SOMEWHERE), holds=True),
)
ENDING: Final = (
    Partner("answers and hangs up", Behaviour(kind=Kind.HANG_UP, length=6.0, record=True), leaves=True),
    Partner(
        "machine that hangs up",
        Behaviour(kind=Kind.MACHINE, length=3.0, record=True),
        speaks=False,
        leaves=True,
    ),
)
RINGING: Final = (
    Partner("answers after 3 s", Behaviour(after=3.0, record=True)),
    _never(Kind.NO_ANSWER, "does not answer"),
    _never(Kind.PROGRESS_ONLY, "183 and silence"),
    _never(Kind.EARLY_MEDIA, "early media, no answer"),
)
MUTE: Final = (_never(Kind.BLACK_HOLE, "black hole"), _never(Kind.UNREACHABLE, "unreachable, OPTIONS too"))
SLOW: Final = Partner("is slow (2 s a message)", Behaviour(slow=2.0, record=True))
BLONDE_WAYS: Final = ("key", "receiver down", "blind")


def _shapes() -> Iterator[tuple[Scene, Who, Partner, str]]:
    yield from _before_an_answer()
    yield from _after_an_answer()
    yield from _afterwards()


def _before_an_answer() -> Iterator[tuple[Scene, Who, Partner, str]]:
    for who in (Who.CALLER, Who.SEAT):
        for partner in (*MUTE, SLOW):
            yield Scene.SEEKING, who, partner, ""
        for partner in RINGING:
            yield Scene.RINGING, who, partner, ""
    at_once = [refuses(status, 0, f"{status} {words} at once") for status, words in STATUSES.items()]
    for partner in (*at_once, *MUTE):
        yield Scene.SEEKING, Who.PARTNER, partner, ""
    rung = [refuses(status, 1.5, f"{status} {words} after ringing") for status, words in STATUSES.items()]
    for partner in (*rung, *RINGING[1:]):
        yield Scene.RINGING, Who.PARTNER, partner, ""
    for index, partner in enumerate((*RINGING[1:], refuses(486, LONG, "486 busy, one day"))):
        yield Scene.BLONDE, Who.CALLER, partner, BLONDE_WAYS[index % 3]
    late = [refuses(status, 3.0, f"{status} {words} after ringing") for status, words in STATUSES.items()]
    for index, partner in enumerate((*late, *RINGING[1:])):
        yield Scene.BLONDE, Who.PARTNER, partner, BLONDE_WAYS[index % 3]


def _after_an_answer() -> Iterator[tuple[Scene, Who, Partner, str]]:
    for scene in (Scene.CONSULTING, Scene.SWAPPED, Scene.CONFERENCE):
        for who in Who:
            for partner in ANSWERING:
                yield scene, who, partner, ""
        for partner in ENDING:
            yield scene, Who.PARTNER, partner, ""


def _afterwards() -> Iterator[tuple[Scene, Who, Partner, str]]:
    for who in (Who.CALLER, Who.PARTNER):
        for partner in ANSWERING:
            yield Scene.COMPLETED, who, partner, "consulted"
        for index, way in enumerate(BLONDE_WAYS):
            yield Scene.COMPLETED, who, replace(RINGING[0], words=f"answers after {3 + index} s"), way
        yield Scene.COMPLETED, who, ANSWERING[0], "conference"
    for who in (Who.CALLER, Who.SEAT):
        for partner in ANSWERING:
            yield Scene.RETURNED, who, partner, "consulted"
        for partner in RINGING:
            yield Scene.RETURNED, who, partner, "while it rang"


CASES: Final = tuple(
    Case(number, scene, who, partner, way) for number, (scene, who, partner, way) in enumerate(_shapes())
)
LEFT_ALREADY: Final = {
    (Scene.BLONDE, Who.SEAT): "the seat has left: that is how this state begins",
    (Scene.COMPLETED, Who.SEAT): "the seat has left with the transfer",
    (Scene.RETURNED, Who.PARTNER): "the partner was let go",
}
"""Pairs without a case, and why."""


def lines(cases: Iterable[Case] = CASES) -> dict[str, dict[str, Any]]:
    """Directory entries of the cases' lines."""
    return {
        case.line: {
            "mode": "DUAL_NUMBER",
            "trunks": ["departments"],
            "dial": case.dials,
            "ring_for": RING_LIMIT if case.partner.leaves or not case.partner.answers else 150,
        }
        for case in cases
    }
