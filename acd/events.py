"""Facts: what has happened. Frozen, small, journalled as they are.

Four families: what the switch reports about channels, what people at desks ask
for (`Intent`), what the phone network says about seats, and what the call's own
machinery tells the floor. A fact names the node it came from wherever a channel
is involved.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from acd.fact import fact
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


@fact
class CallOffered:
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


@fact
class LegRinging:
    """The far end of a leg that we originated is alerting (180 or 183)."""

    node: NodeId
    channel: ChannelId


@fact
class LegHeard:
    """The far end of a leg dialled `early` sends sound and has not answered yet (early media).

    Told again when it is heard again after a `LegSilent`.
    """

    node: NodeId
    channel: ChannelId


@fact
class LegSilent:
    """Of a leg that has not answered yet nothing has been heard for `SILENCE`.

    `seconds`: how long it was heard before, pauses shorter than that included.
    """

    node: NodeId
    channel: ChannelId
    seconds: float = 0.0


@fact
class PacketsCounted:
    """So many packets of audio have come from the far end until now."""

    node: NodeId
    channel: ChannelId
    received: int


@fact
class LegAnswered:
    """A leg that we originated is up and under our control: it may be bridged."""

    node: NodeId
    channel: ChannelId


@fact
class LegEnded:
    """The channel is gone. `cause` is the Q.850 cause, 0 when unknown."""

    node: NodeId
    channel: ChannelId
    cause: int = 0


@fact
class DigitReceived:
    """A finished DTMF digit (RFC 4733 event or SIP INFO) from a leg."""

    node: NodeId
    channel: ChannelId
    digit: str


@fact
class PlaybackStarted:
    node: NodeId
    playback: PlaybackId


@fact
class PlaybackFinished:
    """The playback has ended: played out, stopped by us, or failed."""

    node: NodeId
    playback: PlaybackId
    failed: bool = False


@fact
class RecordingEnded:
    """A `RecordStart` is over; `seconds` are whole ones, without silence at the end.

    `ok` is false when there is no file. A recording stopped in its first
    milliseconds may end without this fact.
    """

    node: NodeId
    recording: RecordingId
    ok: bool
    seconds: float = 0
    reason: str = ""


@fact
class ReferAsked:
    """The far end of a leg wants to hand over whom it speaks with (SIP REFER, RFC 3515).

    `target` is the user part of Refer-To, cleaned. An attended transfer
    (Replaces, RFC 3891) names the sender's other leg in `replaces`.
    """

    node: NodeId
    channel: ChannelId
    target: str
    replaces: ChannelId | None = None


@fact
class PeerHeld:
    """The far end put us on hold (re-INVITE) or took us back."""

    node: NodeId
    channel: ChannelId
    held: bool


@fact
class CommandFailed:
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


@fact
class NodeUp:
    """The link to an Asterisk stands again; `channels` and `bridges` live there."""

    node: NodeId
    channels: tuple[ChannelId, ...] = ()
    bridges: tuple[BridgeId, ...] = ()
    ringing: tuple[ChannelId, ...] = ()
    answered: tuple[ChannelId, ...] = ()
    """Those of `channels` that ring, or have been answered, by now."""


@fact
class NodeDown:
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


@fact
class SeatReachable:
    """The seat's phone has a live registration."""

    seat: SeatId


@fact
class SeatUnreachable:
    """The seat's phone is gone: registration expired, removed or not answering."""

    seat: SeatId


@fact
class TrunkReachable:
    """OPTIONS sent by this trunk are answered."""

    trunk: str


@fact
class TrunkUnreachable:
    """OPTIONS sent by this trunk are no longer answered."""

    trunk: str


PhoneEvent = SeatReachable | SeatUnreachable | TrunkReachable | TrunkUnreachable


# --- people at desks -------------------------------------------------------------


@fact
class SeatSignedIn:
    """An agent takes a seat (hot-desking: any agent, any seat of theirs).

    The seat starts not ready with reason ``signed_in``.
    """

    seat: SeatId
    agent: AgentId


@fact
class SeatSignedOut:
    """Leaves the seat. During a call it is honoured when the call ends unless `forced`."""

    seat: SeatId
    forced: bool = False
    by: str = ""


@fact
class SeatReadied:
    seat: SeatId


@fact
class SeatNotReadied:
    seat: SeatId
    reason: str


@fact
class WrapUpFinished:
    """The agent has written the disposition (or skips it) and ends wrap-up early."""

    seat: SeatId
    disposition: str = ""


@fact
class WrapUpExtended:
    """Once per contact; refused the second time and beyond the queue's ceiling."""

    seat: SeatId


@fact
class AnswerAsked:
    """ "Answer" clicked at the desk while the seat's phone rings."""

    seat: SeatId


@fact
class DeclineAsked:
    seat: SeatId


@fact
class HangupAsked:
    """The seat leaves its conversation; what that means depends on the transfer state."""

    seat: SeatId


@fact
class HoldAsked:
    seat: SeatId


@fact
class ResumeAsked:
    seat: SeatId


@fact
class TransferAsked:
    """One key: `target` is a line's number, a seat id or a phone number."""

    seat: SeatId
    target: str
    kind: str = "consult"
    """``consult`` or ``blind``."""
    note: str = ""
    """The caller's story in the seat's words; it travels along."""


@fact
class TransferCompleted:
    seat: SeatId


@fact
class TransferCancelled:
    seat: SeatId


@fact
class TransferSwapped:
    seat: SeatId


@fact
class ThreePartyAsked:
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


@fact
class Enqueued:
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


@fact
class CallerLeft:
    """The waiting (or ringing) caller is gone or was taken elsewhere."""

    call: CallId
    reason: str = "hung_up"


@fact
class CallersUnreachable:
    """The link to the Asterisk of these callers is down: they keep their places and are offered to nobody."""

    calls: tuple[CallId, ...]


@fact
class CallersReachable:
    """The Asterisk of these callers is under control again: whoever still waits is offered, in turn."""

    calls: tuple[CallId, ...]


@fact
class OfferRinging:
    offer: OfferId


@fact
class OfferAnswered:
    offer: OfferId


@fact
class OfferRefused:
    """Declined (486/603, desk) when `missed` is false; otherwise no answer or not reachable."""

    offer: OfferId
    cause: str
    missed: bool = False


@fact
class SeatConsulting:
    """The seat's contact has become a consultation (caller held)."""

    seat: SeatId


@fact
class SeatTalking:
    """Speaks with the caller again: back from a consultation, or in a three-party call."""

    seat: SeatId


@fact
class SeatTaken:
    """A seat is wanted for a consult call: reserve it now, or refuse (`Refused`)."""

    seat: SeatId
    call: CallId
    offer: OfferId


@fact
class ContactEnded:
    """The seat's part in the call is over: wrap-up begins."""

    seat: SeatId
    call: CallId


@fact
class CallbackAsked:
    """A waiting caller, or one on the list of missed calls, is to be called back.

    The place in the queue passes from `call` to `callback`, a call id chosen by
    the router for the visit to come. Refused: not waiting, being offered just
    now, one callback a person, list full.
    """

    call: CallId
    callback: CallId
    number: str


@fact
class CallbackReached:
    """The person dialled for a callback has answered."""

    call: CallId


@fact
class CallbackFailed:
    """The person dialled for a callback was not reached. The seat is free again, without wrap-up."""

    call: CallId
    cause: str


@fact
class CallbackCancelled:
    """Not wanted any more. Refused while it is being dialled."""

    call: CallId


@fact
class MissedForgotten:
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
