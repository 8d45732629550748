"""Facts: what has happened. Frozen, small, journalled as they are.

Four families: what the switch reports about channels, what people at desks ask
for (`Intent`), what the phone network says about seats, and what the call's own
machinery tells the floor. A fact names the node it came from wherever a channel
is involved.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import field

from acd.fact import Fact
from acd.ids import (
    AgentId,
    BridgeId,
    CallId,
    ChannelId,
    NodeId,
    OfferId,
    PlaybackId,
    QueueId,
    RecordingId,
    SeatId,
    Seconds,
)
from acd.kept import FloorResumed

_EMPTY: Mapping[str, str] = {}

SILENCE: Final[Seconds] = 1.5
"""Seconds without sound after which early media counts as silent: `LegSilent`."""


# --- the switch -----------------------------------------------------------------


class CallOffered(Fact):
    """A caller's channel has entered our application, not yet answered.

    `caller` is the number after clean-up (``""`` when withheld); `trunk` is the
    endpoint it came through; `headers` holds the few SIP headers the dialplan
    hands over (``User-to-User``, ``Diversion`` …), cleaned.
    """

    node: NodeId
    call: CallId
    channel: ChannelId
    dialled: str
    caller: str
    trunk: str
    display: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: _EMPTY)


class LegRinging(Fact):
    """The far end of a leg that we originated is alerting (180 or 183)."""

    node: NodeId
    channel: ChannelId


class LegHeard(Fact):
    """The far end of a leg dialled `early` sends sound and has not answered yet (early media).

    Told again when it is heard again after a `LegSilent`.
    """

    node: NodeId
    channel: ChannelId


class LegSilent(Fact):
    """Of a leg that has not answered yet nothing has been heard for `SILENCE`.

    `seconds`: how long it was heard before, pauses shorter than that included.
    """

    node: NodeId
    channel: ChannelId
    seconds: float = 0.0


class PacketsCounted(Fact):
    """So many packets of audio have come from the far end until now."""

    node: NodeId
    channel: ChannelId
    received: int


class LegAnswered(Fact):
    """A leg that we originated is up and under our control: it may be bridged."""

    node: NodeId
    channel: ChannelId


class LegEnded(Fact):
    """The channel is gone. `cause` is the Q.850 cause, 0 when unknown."""

    node: NodeId
    channel: ChannelId
    cause: int = 0


class DigitReceived(Fact):
    """A finished DTMF digit (RFC 4733 event or SIP INFO) from a leg."""

    node: NodeId
    channel: ChannelId
    digit: str


class PlaybackStarted(Fact):
    node: NodeId
    playback: PlaybackId


class PlaybackFinished(Fact):
    """The playback has ended: played out, stopped by us, or failed."""

    node: NodeId
    playback: PlaybackId
    failed: bool = False


class RecordingEnded(Fact):
    """A `RecordStart` is over; `seconds` are whole ones, without silence at the end.

    `ok` is false when there is no file. A recording stopped in its first
    milliseconds may end without this fact.
    """

    node: NodeId
    recording: RecordingId
    ok: bool
    seconds: float = 0
    reason: str = ""


class ReferAsked(Fact):
    """The far end of a leg wants to hand over whom it speaks with (SIP REFER, RFC 3515).

    `target` is the user part of Refer-To, cleaned. An attended transfer
    (Replaces, RFC 3891) names the sender's other leg in `replaces`.
    """

    node: NodeId
    channel: ChannelId
    target: str
    replaces: ChannelId | None = None


class PeerHeld(Fact):
    """The far end put us on hold, perhaps before it has answered (in its 200), or took us back."""

    node: NodeId
    channel: ChannelId
    held: bool


class CommandFailed(Fact):
    """The switch refused a command, or nobody answered it in time.

    `what` is the command's class name, `subject` the channel, bridge or playback
    it was about, `status` the HTTP-like status (0: no answer).
    """

    node: NodeId
    call: CallId
    what: str
    subject: str
    status: int
    reason: str


class NodeUp(Fact):
    """The link to an Asterisk stands again; `channels` and `bridges` live there."""

    node: NodeId
    channels: tuple[ChannelId, ...] = ()
    bridges: tuple[BridgeId, ...] = ()
    ringing: tuple[ChannelId, ...] = ()
    answered: tuple[ChannelId, ...] = ()
    """Those of `channels` that ring, or have been answered, by now."""


class NodeDown(Fact):
    node: NodeId


SwitchEvent = (
    CallOffered
    | LegRinging
    | LegHeard
    | LegSilent
    | PacketsCounted
    | LegAnswered
    | LegEnded
    | DigitReceived
    | PlaybackStarted
    | PlaybackFinished
    | RecordingEnded
    | ReferAsked
    | PeerHeld
    | CommandFailed
    | NodeUp
    | NodeDown
)


# --- the phone network, about seats (from AMI) ----------------------------------


class SeatReachable(Fact):
    """The seat's phone has a live registration."""

    seat: SeatId


class SeatUnreachable(Fact):
    """The seat's phone is gone: registration expired, removed or not answering."""

    seat: SeatId


class TrunkReachable(Fact):
    """OPTIONS sent by this trunk are answered."""

    trunk: str


class TrunkUnreachable(Fact):
    """OPTIONS sent by this trunk are no longer answered."""

    trunk: str


PhoneEvent = SeatReachable | SeatUnreachable | TrunkReachable | TrunkUnreachable


# --- people at desks -------------------------------------------------------------


class SeatSignedIn(Fact):
    """An agent takes a seat (hot-desking: any agent, any seat of theirs).

    The seat starts not ready with reason ``signed_in``.
    """

    seat: SeatId
    agent: AgentId


class SeatSignedOut(Fact):
    """Leaves the seat. During a call it is honoured when the call ends unless `forced`."""

    seat: SeatId
    forced: bool = False
    by: str = ""


class SeatReadied(Fact):
    seat: SeatId


class SeatNotReadied(Fact):
    seat: SeatId
    reason: str


class WrapUpFinished(Fact):
    """The agent has written the disposition (or skips it) and ends wrap-up early."""

    seat: SeatId
    disposition: str = ""


class WrapUpExtended(Fact):
    """Once per contact; refused the second time and beyond the queue's ceiling."""

    seat: SeatId


class AnswerAsked(Fact):
    """ "Answer" clicked at the desk while the seat's phone rings."""

    seat: SeatId


class DeclineAsked(Fact):
    seat: SeatId


class HangupAsked(Fact):
    """The seat leaves its conversation; what that means depends on the transfer state."""

    seat: SeatId


class HoldAsked(Fact):
    seat: SeatId


class ResumeAsked(Fact):
    seat: SeatId


class TransferAsked(Fact):
    """One key: `target` is a line's number, a seat id or a phone number."""

    seat: SeatId
    target: str
    kind: str = "consult"
    """``consult`` or ``blind``."""
    note: str = ""
    """The caller's story in the seat's words; it travels along."""


class TransferCompleted(Fact):
    seat: SeatId


class TransferCancelled(Fact):
    seat: SeatId


class TransferSwapped(Fact):
    seat: SeatId


class ThreePartyAsked(Fact):
    seat: SeatId


Intent = (
    SeatSignedIn
    | SeatSignedOut
    | SeatReadied
    | SeatNotReadied
    | WrapUpFinished
    | WrapUpExtended
    | AnswerAsked
    | DeclineAsked
    | HangupAsked
    | HoldAsked
    | ResumeAsked
    | TransferAsked
    | TransferCompleted
    | TransferCancelled
    | TransferSwapped
    | ThreePartyAsked
)


# --- the call's machinery, to the floor ------------------------------------------


class Enqueued(Fact):
    """A caller wants a seat.

    `skills` is a skill expression's source (``""``: any seat of the queue);
    `priority` 0 (lowest) … 9; `identity` groups visits of one person (for the
    place kept after a drop and for sticky seats), ``""`` when unknown;
    `arrived` is when the call reached us (time_to_human counts from there);
    `again`: who has been offered to this queue in this visit already, or only
    leaves a place behind for a callback, is not counted as offered. `reachable`:
    no seat can be joined with the caller for now when it is false (`CallersUnreachable`).
    """

    call: CallId
    queue: QueueId
    skills: str = ""
    priority: int = 5
    identity: str = ""
    language: str = "zh"
    sticky: SeatId | None = None
    first_in_line: bool = False
    arrived: float = 0.0
    again: bool = False
    reachable: bool = True


class CallerLeft(Fact):
    """The waiting (or ringing) caller is gone or was taken elsewhere."""

    call: CallId
    reason: str = "hung_up"


class CallersUnreachable(Fact):
    """The link to the Asterisk of these callers is down: they keep their places and are offered to nobody."""

    calls: tuple[CallId, ...]


class CallersReachable(Fact):
    """The Asterisk of these callers is under control again: whoever still waits is offered, in turn."""

    calls: tuple[CallId, ...]


class OfferRinging(Fact):
    offer: OfferId


class OfferAnswered(Fact):
    offer: OfferId


class OfferRefused(Fact):
    """Declined (486/603, desk) when `missed` is false; otherwise no answer or not reachable."""

    offer: OfferId
    cause: str
    missed: bool = False


class SeatConsulting(Fact):
    """The seat's contact has become a consultation (caller held)."""

    seat: SeatId


class SeatTalking(Fact):
    """Speaks with the caller again: back from a consultation, or in a three-party call."""

    seat: SeatId


class SeatTaken(Fact):
    """A seat is wanted for a consult call: reserve it now, or refuse (`Refused`)."""

    seat: SeatId
    call: CallId
    offer: OfferId


class ContactEnded(Fact):
    """The seat's part in the call is over: wrap-up begins."""

    seat: SeatId
    call: CallId


class CallbackAsked(Fact):
    """A waiting caller, or one on the list of missed calls, is to be called back.

    The place in the queue passes from `call` to `callback`, a call id chosen by
    the router for the visit to come. Refused: not waiting, being offered just
    now, one callback a person, list full.
    """

    call: CallId
    callback: CallId
    number: str


class CallbackReached(Fact):
    """The person dialled for a callback has answered."""

    call: CallId


class CallbackFailed(Fact):
    """The person dialled for a callback was not reached. The seat is free again, without wrap-up."""

    call: CallId
    cause: str


class CallbackCancelled(Fact):
    """Not wanted any more. Refused while it is being dialled."""

    call: CallId


class MissedForgotten(Fact):
    """Who hung up in this call is no more to be known: neither their place nor their number is kept."""

    call: CallId


FloorEvent = (
    SeatReachable
    | SeatUnreachable
    | SeatSignedIn
    | SeatSignedOut
    | SeatReadied
    | SeatNotReadied
    | WrapUpFinished
    | WrapUpExtended
    | Enqueued
    | CallerLeft
    | CallersUnreachable
    | CallersReachable
    | OfferRinging
    | OfferAnswered
    | OfferRefused
    | SeatConsulting
    | SeatTalking
    | SeatTaken
    | ContactEnded
    | CallbackAsked
    | CallbackReached
    | CallbackFailed
    | CallbackCancelled
    | MissedForgotten
    | FloorResumed
)

Event = SwitchEvent | PhoneEvent | Intent | CallbackAsked | CallbackCancelled | MissedForgotten


class Refused(Exception):
    """An intent that the present state does not allow. Nothing has changed.

    `reason` is a stable word for programs, the text says what the person can do.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
