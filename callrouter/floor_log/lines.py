"""One line of the floor's log: what the floor was given, when, and a digest of its answer.

A line is a JSON object. The first of a file names the run and the part; every
other one is a *step*: the instant (exact, as Python writes a float), what was
given (``plan``, ``tick`` or an event's name with its fields), the answer in
brief for people, and BLAKE2b (64 bit) over the answer's full encoding. From the
second part on a file's second line is a ``snapshot`` of the floor, so that each
file can be replayed alone.

Numbers of callers never enter the log: each is replaced by a keyed digest whose
key is thrown away with the run. Equal numbers stay equal, and the floor asks no
more of them. What an agent wrote about a call stays out too: the floor never
looks at it.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, get_args

import msgspec
from msgspec.structs import replace

from acd import commands as c
from acd import events as e
from acd.commands import FloorOutput
from acd.floor.snapshot import EntryNow, FloorSnapshot
from acd.floor.watched import Asked
from acd.ids import Instant
from acd.kept import FloorResumed
from acd.plan import ALWAYS, FloorPlan, Hours, OpenIntervals

FORMAT: Final = 2
PLAN: Final = "plan"
TICK: Final = "tick"
SNAPSHOT: Final = "snapshot"
_EVENTS: Final[dict[str, type]] = {kind.__name__: kind for kind in get_args(e.FloorEvent)}
_LONGEST: Final = 32
_UNSAID: Final = frozenset({"QueueChanged", "OfferClosed"})
"""Left out of the brief answer: they follow from the rest."""

Veil = Callable[[str], str]
"""Replaces a caller's number."""


class Head(msgspec.Struct, frozen=True):
    """First line of a file."""

    floor_log: int
    run: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]{1,64}$")]
    part: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """Any other line."""

    at: Instant
    given: str
    digest: str
    answer: tuple[str, ...] = ()
    fields: msgspec.Raw = msgspec.Raw(b"{}")


class Unreadable(ValueError):
    """A line that this version cannot read."""


def veil(key: bytes) -> Veil:
    """Pseudonyms under `key`; an empty number stays empty, one too long for the floor stays too long."""

    def replaced(number: str) -> str:
        if not number:
            return ""
        name = hashlib.blake2b(number.encode("utf-8", "surrogatepass"), key=key, digest_size=8).hexdigest()
        return name if len(number) <= _LONGEST else name.ljust(len(number), "0")

    return replaced


def head(run: str, part: int) -> bytes:
    return msgspec.json.encode(Head(FORMAT, run, part)) + b"\n"


def step(asked: Asked, at: Instant, answer: Sequence[FloorOutput] | Exception, hide: Veil) -> bytes:
    """The line of one step. Raises TypeError for opening hours of a kind that cannot be written down."""
    if asked is None:
        given, fields = TICK, b"{}"
    elif isinstance(asked, FloorPlan):
        given, fields = PLAN, msgspec.json.encode(asked, enc_hook=_unwritable)
    else:
        given, fields = type(asked).__name__, _encoded(_veiled(asked, hide))
    brief, digest = answered(answer, hide)
    return msgspec.json.encode(Step(at, given, digest, brief, msgspec.Raw(fields))) + b"\n"


def snapshot_line(taken: FloorSnapshot, at: Instant, hide: Veil) -> bytes:
    """The line that tells how the floor is. Raises TypeError as `step` does."""
    text = write_snapshot(taken, hide)
    return msgspec.json.encode(Step(at, SNAPSHOT, digest_of(text), (), msgspec.Raw(text))) + b"\n"


def digest_of(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def answered(answer: Sequence[FloorOutput] | Exception, hide: Veil) -> tuple[tuple[str, ...], str]:
    """An answer in brief, and the digest of all of it."""
    digest = hashlib.blake2b(digest_size=8)
    if isinstance(answer, Exception):
        text = (
            f"refused: {answer.reason}"
            if isinstance(answer, e.Refused)
            else f"raised {type(answer).__name__}"
        )
        digest.update(text.encode())
        return (text,), digest.hexdigest()
    brief = []
    for output in answer:
        name = type(output).__name__
        digest.update(name.encode())
        digest.update(_encoded(_veiled(output, hide)))
        if name not in _UNSAID:
            brief.append(_brief(name, output))
    return tuple(brief), digest.hexdigest()


def write_snapshot(taken: FloorSnapshot, hide: Veil) -> bytes:
    """A snapshot as JSON. Raises TypeError for opening hours of a kind that cannot be written down."""
    return msgspec.json.encode(_hidden(taken, hide), enc_hook=_unwritable)


def read_snapshot(text: bytes) -> FloorSnapshot:
    """Raises `Unreadable`."""
    try:
        return msgspec.json.decode(text, type=FloorSnapshot, dec_hook=_hours)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def _hidden(taken: FloorSnapshot, hide: Veil) -> FloorSnapshot:
    def entry(one: EntryNow) -> EntryNow:
        return replace(one, identity=hide(one.identity))

    return replace(
        taken,
        entries=tuple(map(entry, taken.entries)),
        callbacks=tuple(
            replace(
                one,
                number=hide(one.number),
                person=hide(one.person),
                entry=entry(one.entry) if one.entry is not None else None,
            )
            for one in taken.callbacks
        ),
        missed=tuple(replace(one, identity=hide(one.identity)) for one in taken.missed),
    )


def read_head(line: bytes) -> Head:
    """Raises `Unreadable` with a sentence."""
    try:
        found = msgspec.json.decode(line, type=Head)
    except msgspec.DecodeError as error:
        raise Unreadable("it does not begin as a floor log does") from error
    if found.floor_log != FORMAT:
        raise Unreadable(f"it is of format {found.floor_log}, this version reads {FORMAT}")
    return found


def read_step(line: bytes) -> tuple[Step, Asked | FloorSnapshot]:
    """A step and what was given in it. Raises `Unreadable`."""
    try:
        found = msgspec.json.decode(line, type=Step)
        return found, _given(found)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from error


def _given(found: Step) -> Asked | FloorSnapshot:
    if found.given == TICK:
        return None
    if found.given == SNAPSHOT:
        return read_snapshot(bytes(found.fields))
    if found.given == PLAN:
        return msgspec.json.decode(found.fields, type=FloorPlan, dec_hook=_hours)
    kind = _EVENTS.get(found.given)
    if kind is None:
        raise Unreadable(f"this version knows no event {found.given[:40]!r}")
    event: Asked = msgspec.json.decode(found.fields, type=kind)
    return event


def _encoded(value: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=_plain)


def _plain(value: object) -> object:
    """Explanations are mappings composed on demand."""
    return dict(value) if hasattr(value, "keys") else str(value)  # type: ignore[call-overload]


def _unwritable(value: object) -> object:
    raise TypeError(f"opening hours of kind {type(value).__name__} cannot be written down")


def _hours(kind: type, value: Any) -> Hours:
    if kind is not Hours or not isinstance(value, dict):
        raise Unreadable(f"{kind.__name__} cannot be read")
    return msgspec.convert(value, OpenIntervals) if "intervals" in value else ALWAYS


def _veiled(value: Any, hide: Veil) -> Any:
    match value:
        case e.Enqueued():
            return replace(value, identity=hide(value.identity))
        case e.CallbackAsked() | c.CallbackOpened() | c.CallbackDial():
            return replace(value, number=hide(value.number))
        case e.WrapUpFinished():
            return replace(value, disposition="")
        case FloorResumed():
            return replace(
                value,
                callbacks=tuple(
                    replace(one, number=hide(one.number), identity=hide(one.identity))
                    for one in value.callbacks
                ),
                missed=tuple(replace(one, identity=hide(one.identity)) for one in value.missed),
            )
    return value


def _brief(name: str, output: FloorOutput) -> str:
    words = [name]
    words += [
        str(value) for key in ("call", "seat", "state", "reason") if (value := getattr(output, key, None))
    ]
    return " ".join(words)
