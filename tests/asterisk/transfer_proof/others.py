"""The other ways in which a caller is handed over, and what has to come of each. Pure, like `plan`.

The matrix hands a caller from a seat to a line by the desk. Here it is a colleague,
an emergency line, a phone's own buttons (REFER), a partner's, the caller's own
choice, a caller whom a prefecture has sent, a redirection, and a fourth party.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from simulators.partners import LINES, Behaviour, Kind
from tests.asterisk.transfer_proof.plan import (
    ANSWERING,
    LONG,
    RINGING,
    SOMEWHERE,
    After,
    Case,
    Partner,
    Scene,
    Who,
    lines,
    refuses,
)

FIRST: Final = 300
"""Number of the first case: the matrix has those below."""
US: Final = "12345"
COLLEAGUES: Final = 10
"""Seats to be called by other seats: more than half of the cases at a time would need them all."""


class How(StrEnum):
    COLLEAGUE = "to a colleague"
    EMERGENCY = "to an emergency line"
    REDIRECTED = "the line says 302"
    REFER = "by the phone's button (REFER)"
    TWO_LINES = "by the phone's two lines (REFER with Replaces)"
    CHOICE = "the caller's own choice, from the flow"
    AND_BACK = "a prefecture's caller, and back"
    PARTNER_REFERS = "the partner hands on (REFER)"
    PARTNER_JOINS = "the partner joins its two lines (REFER with Replaces)"
    FURTHER = "a fourth party"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCase(Case):
    """A case whose end is written down instead of derived."""

    how: How
    ends: After
    came_to: str
    """The outcome of the first transfer's record."""
    then: tuple[tuple[str, str], ...] = ()
    """Target and outcome of the records after it; ``""``: the further line."""
    unanswered: bool = False
    """Nobody has spoken with the caller, once all is over."""

    @property
    def after(self) -> After:
        return self.ends

    @property
    def rings(self) -> bool:
        return self.scene is not Scene.RETURNED

    @property
    def outcome(self) -> str:
        return self.came_to

    @property
    def transfers(self) -> tuple[tuple[str, str], ...]:
        return ((self.line, self.came_to), *((target or self.further, came) for target, came in self.then))

    @property
    def answered(self) -> bool:
        return not self.unanswered

    @property
    def further(self) -> str:
        """The number of a second line."""
        return str(int(self.line) + 5000)

    @property
    def further_dials(self) -> str:
        return LINES[(self.number + 7) % len(LINES)]

    @property
    def entrance(self) -> str:
        """The number whose flow leads to the line by itself."""
        return f"3{self.line}"

    def __str__(self) -> str:
        return f"{self.how}, {Case.__str__(self)}"


def _phone(words: str, after: float = 0.0, status: int = 200, **more: bool) -> Partner:
    """A phone of ours. With a status of 300 or more it refuses."""
    behaviour = Behaviour(kind=Kind.ELSEWHERE, target=SOMEWHERE, after=after, status=max(status, 300))
    return Partner(words, behaviour, answers=status == 200, **more)


AT_ONCE, LATER = _phone("answers at once"), _phone("answers after 3 s", 3.0)
NEVER, BUSY = (
    _phone("does not answer", LONG, leaves=True, status=480),
    _phone("busy", status=486, leaves=True),
)
DECLINES = _phone("declines after ringing", 1.5, status=603, leaves=True)
DECLINES_LATE = _phone("declines after ringing", 3.0, status=603, leaves=True)
ANSWERS, RINGS = ANSWERING[0], RINGING[0]
MOVED: Final = Partner(
    "302 to another number",
    Behaviour(kind=Kind.REDIRECT, target="sip:12333@127.0.0.1:9"),
    answers=False,
    leaves=True,
)
UNANSWERED: Final = RINGING[1]
Shape = dict[str, Any]


def _end(how: How, scene: Scene, who: Who, partner: Partner, ends: After, came_to: str, **more: Any) -> Shape:
    return {
        "how": how,
        "scene": scene,
        "who": who,
        "partner": partner,
        "ends": ends,
        "came_to": came_to,
        **more,
    }


CALLER, SEAT, PARTNER = Who
GONE, BACK, GIVEN, ANOTHER, TOLD = (
    After.GONE,
    After.WITH_SEAT,
    After.WITH_PARTNER,
    After.WITH_ANOTHER,
    After.TOLD,
)


def _consult(how: How, at_once: Partner) -> Iterator[Shape]:
    """What is the same however the target is: it has answered."""
    for scene in (Scene.CONSULTING, Scene.SWAPPED, Scene.CONFERENCE):
        yield _end(how, scene, CALLER, at_once, GONE, "abandoned")
        yield _end(how, scene, SEAT, at_once, GIVEN, "completed")
        yield _end(how, scene, PARTNER, at_once, BACK, "returned")
    yield _end(how, Scene.COMPLETED, CALLER, at_once, GONE, "completed", way="consulted")
    yield _end(how, Scene.COMPLETED, PARTNER, at_once, TOLD, "completed", way="consulted")
    yield _end(how, Scene.RETURNED, CALLER, at_once, GONE, "returned", way="consulted")
    yield _end(how, Scene.RETURNED, SEAT, at_once, TOLD, "returned", way="consulted")


def _colleague() -> Iterator[Shape]:
    how = How.COLLEAGUE
    yield from _consult(how, AT_ONCE)
    yield _end(how, Scene.SEEKING, PARTNER, BUSY, BACK, "returned")
    for partner in (DECLINES, NEVER):
        yield _end(how, Scene.RINGING, PARTNER, partner, BACK, "returned")
    yield _end(how, Scene.RINGING, CALLER, LATER, GONE, "abandoned")
    yield _end(how, Scene.RINGING, SEAT, LATER, GIVEN, "completed")
    yield _end(how, Scene.RINGING, SEAT, NEVER, ANOTHER, "requeued")
    for way in ("key", "receiver down", "blind"):
        yield _end(how, Scene.BLONDE, PARTNER, DECLINES_LATE, ANOTHER, "requeued", way=way)
        yield _end(how, Scene.COMPLETED, CALLER, LATER, GONE, "completed", way=way)
    yield _end(how, Scene.BLONDE, CALLER, NEVER, GONE, "abandoned", way="blind")


def _emergency() -> Iterator[Shape]:
    """Three speak as soon as it answers: there is nothing to consult or to swap."""
    how = How.EMERGENCY
    yield from (
        one for one in _consult(how, ANSWERS) if one["scene"] not in (Scene.CONSULTING, Scene.SWAPPED)
    )
    yield _end(how, Scene.RINGING, CALLER, RINGS, GONE, "abandoned")
    yield _end(how, Scene.RINGING, SEAT, RINGS, GIVEN, "completed")
    yield _end(how, Scene.RINGING, PARTNER, refuses(486, 1.5, "busy after ringing"), BACK, "returned")
    yield _end(how, Scene.RINGING, PARTNER, UNANSWERED, BACK, "returned")
    yield _end(how, Scene.BLONDE, PARTNER, UNANSWERED, ANOTHER, "requeued", way="blind")
    yield _end(how, Scene.COMPLETED, CALLER, RINGS, GONE, "completed", way="blind")


def _refer() -> Iterator[Shape]:
    for how, way in ((How.REFER, "blind"),):
        yield _end(how, Scene.BLONDE, CALLER, UNANSWERED, GONE, "abandoned", way=way)
        yield _end(how, Scene.BLONDE, PARTNER, UNANSWERED, ANOTHER, "requeued", way=way)
        late = refuses(486, 3.0, "busy after ringing")
        yield _end(how, Scene.BLONDE, PARTNER, late, ANOTHER, "requeued", way=way)
        yield _end(how, Scene.COMPLETED, CALLER, RINGS, GONE, "completed", way=way)
        yield _end(how, Scene.COMPLETED, PARTNER, RINGS, TOLD, "completed", way=way)
    yield _end(How.REDIRECTED, Scene.SEEKING, PARTNER, MOVED, BACK, "returned")
    yield _end(How.REDIRECTED, Scene.SEEKING, SEAT, MOVED, ANOTHER, "requeued", way="blind")
    two = How.TWO_LINES
    yield _end(two, Scene.CONSULTING, CALLER, ANSWERS, GONE, "abandoned")
    yield _end(two, Scene.CONSULTING, SEAT, ANSWERS, BACK, "returned")
    yield _end(two, Scene.CONSULTING, PARTNER, ANSWERS, BACK, "returned")
    yield _end(two, Scene.COMPLETED, CALLER, ANSWERS, GONE, "completed", way="consulted")
    yield _end(two, Scene.COMPLETED, PARTNER, ANSWERS, TOLD, "completed", way="consulted")


def _by_others() -> Iterator[Shape]:
    how = How.CHOICE
    yield _end(how, Scene.BLONDE, CALLER, UNANSWERED, GONE, "abandoned", unanswered=True)
    for partner in (UNANSWERED, refuses(486, 1.5, "busy after ringing"), MOVED):
        yield _end(how, Scene.BLONDE, PARTNER, partner, ANOTHER, "requeued")
    yield _end(how, Scene.COMPLETED, CALLER, RINGS, GONE, "completed")
    yield _end(how, Scene.COMPLETED, PARTNER, RINGS, TOLD, "completed")
    yield from _consult(How.AND_BACK, ANSWERS)
    yield _end(
        How.AND_BACK, Scene.RINGING, PARTNER, refuses(486, 1.5, "busy after ringing"), BACK, "returned"
    )
    how, way = How.PARTNER_REFERS, "consulted"
    requeued = ((US, "requeued"),)
    yield _end(how, Scene.COMPLETED, PARTNER, AT_ONCE, ANOTHER, "completed", way=way, then=requeued)
    onward = replace(AT_ONCE, words="hands on to another line")
    on = (("", "completed"),)
    yield _end(how, Scene.COMPLETED, PARTNER, onward, GIVEN, "completed", way="another line", then=on)
    nowhere = replace(AT_ONCE, words="hands on to no line: declined")
    yield _end(how, Scene.COMPLETED, CALLER, nowhere, GONE, "completed", way="nowhere")
    joined = ((US, "completed"),)
    for who, ends in ((CALLER, GONE), (SEAT, TOLD)):
        yield _end(How.PARTNER_JOINS, Scene.COMPLETED, who, AT_ONCE, ends, "completed", way=way, then=joined)


def _further() -> Iterator[Shape]:
    """The partner of the case is the first one; the further one answers, or rings."""
    how = How.FURTHER
    for way, seat in (("speaks", "completed"), ("rings", "returned")):
        yield _end(
            how, Scene.CONFERENCE, CALLER, ANSWERS, GONE, "abandoned", way=way, then=(("", "abandoned"),)
        )
        yield _end(how, Scene.CONFERENCE, SEAT, ANSWERS, GIVEN, "completed", way=way, then=(("", seat),))
    yield _end(
        how, Scene.CONFERENCE, PARTNER, ANSWERS, BACK, "returned", way="speaks", then=(("", "abandoned"),)
    )
    leaves = replace(ANSWERS, words="answers at once; the further one hangs up")
    yield _end(
        how, Scene.CONFERENCE, PARTNER, leaves, BACK, "abandoned", way="speaks", then=(("", "returned"),)
    )
    busy = replace(ANSWERS, words="answers at once; the further one is busy")
    yield _end(how, Scene.CONFERENCE, PARTNER, busy, BACK, "abandoned", way="rings", then=(("", "returned"),))


SHAPES: Final = (*_colleague(), *_emergency(), *_refer(), *_by_others(), *_further())
CASES: Final = tuple(OtherCase(number=FIRST + index, **shape) for index, shape in enumerate(SHAPES))


def _sample() -> Iterator[OtherCase]:
    """One of each way and of who leaves: what `make test` lets happen."""
    seen = set()
    for case in CASES:
        if (case.how, case.who) not in seen:
            seen.add((case.how, case.who))
            yield case


SAMPLE: Final = tuple(_sample())


def entries() -> dict[str, dict[str, Any]]:
    """Directory entries of the cases' lines."""
    found = lines(CASES)
    for case in CASES:
        if case.how is How.EMERGENCY:
            found[case.line] = {
                "trunks": ["emergency"],
                "dial": case.dials,
                "ring_for": found[case.line]["ring_for"],
            }
        if case.how in (How.FURTHER, How.PARTNER_REFERS):
            found[case.further] = {**found[case.line], "dial": case.further_dials, "ring_for": 150}
    return found


def entrances() -> dict[str, str]:
    """Numbers that callers dial, and the line that their flow leads to."""
    return {case.entrance: case.line for case in CASES if case.how is How.CHOICE}
