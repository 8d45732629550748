"""The API's documents, in and out. Instants are seconds since the Unix epoch, UTC."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Instant = Annotated[
    float, Field(description="Seconds since the Unix epoch, UTC.", examples=[1795412345.123456])
]
MaybeInstant = Annotated[
    float | None, Field(description="Seconds since the Unix epoch, UTC; null: never got there.")
]


class In(BaseModel):
    """Unknown fields are refused: a misspelt one must not be ignored."""

    model_config = ConfigDict(extra="forbid", str_max_length=2000)


class SignInBody(In):
    user: str = Field(min_length=1, max_length=64, examples=["agent1"])
    password: str = Field(min_length=1, max_length=128, examples=["long and secret"])


class SignOutSeatBody(In):
    forced: bool = Field(
        False, description="Leave now, even in a call (supervisors). Otherwise: when it ends."
    )


class NotReadyBody(In):
    reason: str = Field(
        min_length=1, max_length=64, pattern=r"^[\w .\-]+$", description="Why.", examples=["lunch"]
    )


class WrapUpBody(In):
    disposition: str = Field("", max_length=2000, description="What the call was about.", examples=["退款"])


class TransferBody(In):
    target: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[0-9A-Za-z+*#._\-]+$",
        description="A line's number, a seat or a telephone number.",
        examples=["12315"],
    )
    kind: Literal["consult", "blind"] = Field(
        "consult", description="`consult`: speak with the target first while the caller hears music."
    )
    note: str = Field(
        "", max_length=500, description="The caller's story in a few words: whoever comes next reads it."
    )


class Me(BaseModel):
    user: str
    display: str
    roles: list[str]
    organisation: str = Field(description="Empty: all of them.")
    agent: str | None
    seats: list[str] = Field(description="Seats this user may take.")
    see_numbers: bool = Field(description="Callers' numbers are shown in full, and every look is audited.")


class Session(BaseModel):
    token: str = Field(description="Send it as `Authorization: Bearer …`.")
    expires: Instant
    me: Me


class Seat(BaseModel):
    seat: str = Field(examples=["1001"])
    name: str
    agent: str | None
    state: str = Field(
        description="logged_out, ready, reserved, ringing, talking, consulting, wrap_up or not_ready.",
        examples=["ready"],
    )
    reason: str
    since: Instant
    until: MaybeInstant
    reachable: bool = Field(description="The seat's phone has a live registration.")
    queues: list[str]
    call: str | None
    organisation: str
    next_state: str = Field(
        description="Asked for during a call, honoured after it: ready, not_ready, logged_out; else empty."
    )
    deeds: list[str] = Field(
        description="What may be asked of the seat itself now, as paths under /seats/{seat}/. What may be "
        "asked of its call stands with its leg of the call.",
        examples=[["sign-out", "ready", "not-ready"]],
    )


class Queue(BaseModel):
    """Counters run from the start of the local day."""

    queue: str
    name: str
    waiting: int
    longest_since: MaybeInstant
    staffed: int = Field(description="Seats signed in that may serve it.")
    ready: int
    busy: int
    offered: int
    answered: int
    abandoned: int
    answered_in_target: int
    organisation: str
    open: bool = Field(description="Takes new callers, by its opening hours.")
    changes: MaybeInstant = Field(description="When it closes, or opens again; null: always open.")


class Leg(BaseModel):
    role: str = Field(examples=["seat"])
    party: str
    activity: str = Field(examples=["talk"])
    since: Instant
    deeds: list[str] = Field(
        description="What this party may ask of the call now, as paths under /seats/{party}/; seats only. "
        "A colleague who is consulted may only hang up, until the call is theirs.",
        examples=[["hang-up", "hold", "transfer"]],
    )


class LiveCall(BaseModel):
    call: str
    owner: str = Field(description="What has the call now: flow, queue, conversation or transfer.")
    caller: str = Field(description="Masked unless it is your own call or you may see numbers.")
    dialled: str
    ingress: Instant
    answered: MaybeInstant
    queue: str | None
    seat: str | None
    place: int | None = Field(description="Position in the queue, 1 = next.")
    flow: str
    node: str
    language: str
    transfer_state: str = Field(
        description="Of the newest transfer. Under way: seeking, ringing, consulting, conference, blonde. "
        "Over: returned, completed, requeued, abandoned; then the next may begin. Empty: there was none."
    )
    transfer_target: str
    transfer_by: str | None = Field(description="The seat that asked for it; null: none did.")
    legs: list[Leg]
    organisation: str
    context: dict[str, str] = Field(
        description="What the hotline before us told: its id of the `call`, `visited` numbers, `from` whom."
    )
    note: str = Field(description="The caller's story in the words of the seat that hands over.")


class Way(BaseModel):
    """A line by one of its trunks."""

    trunk: str
    state: str = Field(description="Its breaker: closed (calls pass), open, half_open or probing.")
    since: Instant
    until: MaybeInstant = Field(description="When an open way is tried again.")
    attempts: int = Field(description="In the last hour.")
    success: float | None = Field(description="Answered ÷ attempts.")
    outcomes: dict[str, int]
    causes: dict[str, int] = Field(
        description="Of the same attempts, by Q.850 cause; 0: answered, or none told."
    )


class LiveLine(BaseModel):
    number: str
    name: str
    kind: str
    open: bool = Field(description="Within its hours.")
    calls: int = Field(description="Of ours, ringing or talking there.")
    capacity: int = Field(description="0: unknown.")
    refusal: str = Field(
        description="Why no caller can be handed there now: closed, line_full or line_down; empty: one can."
    )
    ways: list[Way]


class CallSummary(BaseModel):
    call: str
    caller: str
    dialled: str
    organisation: str
    queue: str | None
    first_seat: str | None
    first_agent: str | None
    ingress: Instant
    answered: MaybeInstant
    ended: Instant
    ended_by: str
    outcome: str
    transfers: int


class PastSegment(BaseModel):
    track: str
    role: str
    party: str
    activity: str
    started: Instant
    ended: Instant
    detail: str


class PastTransfer(BaseModel):
    number: int
    kind: str
    by: str | None
    target: str
    asked: Instant
    answered: MaybeInstant
    ended: Instant
    outcome: str
    cause: str


class PastStep(BaseModel):
    at: Instant
    flow: str
    node: str
    line: int
    branch: str = Field(description="Which way the caller went on; empty: is, or was, there to the last.")
    variables: dict[str, Any] = Field(description="What the node has changed.")


class LiveStory(LiveCall):
    """A call going on now with its way through the flow, the node that it is at last."""

    trace: list[PastStep]


class PastCall(CallSummary):
    """The whole story of a finished call."""

    node: str
    trunk: str
    flow: str
    flow_version: str
    site_version: str = Field(description="Flows and directory in force then: `/site/versions/…`.")
    language: str
    accepted: MaybeInstant
    menu_end: MaybeInstant
    enqueued: MaybeInstant
    rang: MaybeInstant
    cause: int = Field(description="Q.850 cause.")
    segments: list[PastSegment]
    transfer_attempts: list[PastTransfer]
    trace: list[PastStep]


class Calls(BaseModel):
    live: list[LiveCall]
    past: list[CallSummary] = Field(description="Newest first.")
    next_until: MaybeInstant = Field(description="Pass it as `until` for the next page; null: no more.")


class Call(BaseModel):
    """Exactly one of the two is set."""

    live: LiveStory | None
    past: PastCall | None


class Offer(BaseModel):
    """A seat that was asked to take a call."""

    offer: str
    seat: str
    queue: str = Field(description="Empty: a colleague was asked for a consultation.")
    made: Instant
    ended: Instant
    outcome: str = Field(
        description="answered, declined, missed, expired, caller_left, answered_elsewhere, seat_lost "
        "or caller_unreachable.",
        examples=["answered"],
    )
    explanation: dict[str, Any] = Field(
        description="What the decision saw: `trigger`, `policy`, `demand`, `relaxation_step`, `candidates` "
        "with a verdict each, `not_eligible` seats by what they lack, `callers_compared`."
    )


class CallbackBody(In):
    call: str = Field(min_length=1, max_length=128, description="A call on the list of missed ones.")


class Callback(BaseModel):
    """A promise to call somebody back. It ends with exactly one outcome."""

    callback: str
    origin: str = Field(description="The call in which it was promised.")
    queue: str
    number: str = Field(description="Masked unless you may see numbers.")
    state: str = Field(description="waiting (for a seat), dialling, or paused until `due`.")
    attempts: int = Field(description="How often the person was dialled.")
    asked: Instant
    due: MaybeInstant
    expires: Instant
    seat: str | None
    organisation: str


class MissedCall(BaseModel):
    """Somebody who hung up while waiting and has not been spoken to since."""

    call: str
    queue: str
    caller: str = Field(description="Masked unless you may see numbers.")
    enqueued: Instant
    left: Instant
    organisation: str


class Callbacks(BaseModel):
    open: list[Callback]
    missed: list[MissedCall]


class HeardBody(In):
    heard: bool


class Recording(BaseModel):
    """A stretch of a call's sound, which comes from `…/sound`."""

    id: str
    call: str
    consult: bool = Field(description="Of a consultation: the caller did not hear it.")
    started: Instant
    ended: Instant
    size: int = Field(description="Bytes; 0: not on this machine when it ended.")
    sha256: str
    erased: MaybeInstant = Field(description="When its sound was erased at the caller's request.")
    erased_by: str


class Message(BaseModel):
    """What a caller has left to be heard; its sound comes from `…/sound`."""

    id: str
    mailbox: str = Field(examples=["complaints"])
    organisation: str
    call: str
    queue: str | None
    number: str = Field(description="Masked unless you may see numbers; empty: withheld.")
    received: Instant
    seconds: float
    heard: MaybeInstant = Field(description="When it was last marked as heard.")
    heard_by: str | None
    erased: MaybeInstant = Field(description="When its sound was erased at the caller's request.")
    erased_by: str


class Messages(BaseModel):
    messages: list[Message] = Field(description="Newest first.")
    next_until: MaybeInstant = Field(description="Pass it as `until` for the next page; null: no more.")


class Line(BaseModel):
    number: str
    name: str
    kind: str


class Readiness(BaseModel):
    ready: bool
    problems: list[str] = Field(description="What keeps calls from being taken.")
    warnings: list[str] = Field(description="What an operator should see to while calls go on.")
    nodes: dict[str, bool]
    calls: int
    loop_delay_p99: float = Field(description="Seconds, 99th percentile of the last minute.")
