"""Intentions: what shall be done, and notices of what has been decided.

A *command* goes to the switch, in the order given, one lane per call; its
failure comes back as `CommandFailed`. A *decision* is the floor's answer to the
call machinery. A *notice* tells the outside (records, feed, desks) what has
changed and never fails.
"""

from collections.abc import Mapping

from msgspec import field

from acd.fact import Fact
from acd.ids import (
    AgentId,
    BridgeId,
    CallId,
    ChannelId,
    Instant,
    NodeId,
    OfferId,
    PlaybackId,
    QueueId,
    RecordingId,
    SeatId,
    Seconds,
)

_EMPTY: Mapping[str, str] = {}


# --- to the switch ----------------------------------------------------------------


class Command(Fact):
    node: NodeId
    call: CallId


class Answer(Command):
    channel: ChannelId


class Ring(Command):
    """Let the caller hear ringback (180 before answer, tone after)."""

    channel: ChannelId
    on: bool = True


class Play(Command):
    """Play media URIs one after another to one channel (bridged or not)."""

    channel: ChannelId
    playback: PlaybackId
    media: tuple[str, ...]


class StopPlayback(Command):
    playback: PlaybackId


class MusicOn(Command):
    """Music until `MusicOff`, in a bridge too; a prompt only covers it."""

    channel: ChannelId
    music: str = "default"


class MusicOff(Command):
    channel: ChannelId


class Originate(Command):
    """Dial `endpoint` (e.g. ``PJSIP/a1001`` or ``PJSIP/12315@t-12315``) as `channel`.

    `caller_number`/`caller_name` are shown to the far end; `variables` are
    channel variables set before dialling (SIP headers among them). The leg is
    ours to time: `ring_for` is also given to the switch as a second net.
    `early`: what the far end says before it answers can be heard: `LegHeard` tells
    when there is any, and from then on the leg may join a bridge.
    """

    channel: ChannelId
    endpoint: str
    caller_number: str
    caller_name: str
    ring_for: Seconds
    variables: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    originator: ChannelId | None = None
    early: bool = False


class CountPackets(Command):
    """Ask how many packets of audio have come from a channel; `PacketsCounted` follows, or nothing."""

    channel: ChannelId


class AnswerPhone(Command):
    """Ask the seat's ringing phone to answer (SIP NOTIFY ``Event: talk``)."""

    channel: ChannelId


class CreateBridge(Command):
    """`mixed`: mix even two legs instead of passing packets from one to the other.

    It costs CPU, and a recording needs it: at a change of partners the RTP sequence numbers may go
    back, and Asterisk's recorder (22.10.1) drops all that seems old: half the partners are silent in it.
    """

    bridge: BridgeId
    mixed: bool = False


class DestroyBridge(Command):
    bridge: BridgeId


class Join(Command):
    """Like `Leave` and `Answer` it ends what plays to the channel.

    `keys_stay`: what is keyed on this channel comes to us alone, the others in the bridge don't hear it.
    `introduced`: its phone shows already whom it will hear; telling it again would cost another INVITE.
    """

    bridge: BridgeId
    channel: ChannelId
    keys_stay: bool = False
    introduced: bool = False


class Leave(Command):
    bridge: BridgeId
    channel: ChannelId


class SendDigits(Command):
    channel: ChannelId
    digits: str


class RecordStart(Command):
    """Record what this channel says, alone, as ``wav``; `RecordingEnded` follows.

    Ends after `max_seconds`, after `silence_seconds` of silence, by `RecordStop`,
    or with the channel. A recording of the same name is not written over.
    """

    channel: ChannelId
    recording: RecordingId
    max_seconds: Seconds
    silence_seconds: Seconds
    beep: bool = True


class RecordStop(Command):
    """End a recording and keep it (see `RecordDiscard`)."""

    recording: RecordingId


class RecordDiscard(Command):
    """Delete a recording that has ended."""

    recording: RecordingId


class MonitorStart(Command):
    """Write down both directions of a channel, wherever it is moved, until it ends or `MonitorStop`."""

    channel: ChannelId
    recording: RecordingId


class MonitorStop(Command):
    """End every `MonitorStart` of the channel."""

    channel: ChannelId
    recording: RecordingId


class ReferProgress(Command):
    """Tell a REFER's sender how far it has come (RFC 3515 NOTIFY).

    `state`: ``progress`` (180), ``answered`` (200), ``unavailable`` (503) or ``declined`` (603).
    """

    channel: ChannelId
    state: str


class Hangup(Command):
    """End a channel; `cause` is a Q.850 cause (16 normal, 1 unallocated → 404, 17 busy)."""

    channel: ChannelId
    cause: int = 16


class ToDialplan(Command):
    """Give the channel back to the dialplan (the safety net).

    Without a context it goes on where it left: there it hears a tone and comes to us again, as a new call.
    """

    channel: ChannelId
    context: str = ""
    extension: str = ""


# --- the floor's decisions ----------------------------------------------------------


class OfferMade(Fact):
    """Ring this seat for this call. The seat is RESERVED under a lease until `lease_until`.

    The router originates the seat's leg and reports `OfferRinging`,
    `OfferAnswered` or `OfferRefused`. When the lease runs out first the floor
    says `OfferWithdrawn` by itself.
    """

    offer: OfferId
    call: CallId
    seat: SeatId
    queue: QueueId
    lease_until: Instant


class OfferWithdrawn(Fact):
    """Stop ringing; `reason`: ``expired`` or as the outcomes of an offer (`acd.offer`)."""

    offer: OfferId
    call: CallId
    seat: SeatId
    reason: str


class AnnounceDue(Fact):
    """Time to tell the waiting caller something honest; None means: say no number.

    `callback`: a callback may be offered with it.
    """

    call: CallId
    position: int | None
    wait: Seconds | None
    callback: bool = False


class QueueExited(Fact):
    """The caller goes back to the flow.

    `reason`: ``full``, ``closed``, ``timeout``, ``unstaffed``, ``callback`` …
    """

    call: CallId
    queue: QueueId
    reason: str


class SeatDropped(Fact):
    """A seat in a call has to leave it (forced sign-out, phone vanished)."""

    seat: SeatId
    call: CallId
    reason: str


class CallbackDial(Fact):
    """The seat has accepted a callback: dial the person now and connect them.

    Answered by `CallbackReached` or `CallbackFailed`.
    """

    call: CallId
    seat: SeatId
    number: str
    attempt: int


# --- notices ------------------------------------------------------------------------


class SeatChanged(Fact):
    """A seat's state, as shown on screens and stored as an interval."""

    seat: SeatId
    agent: AgentId | None
    state: str
    reason: str
    since: Instant
    call: CallId | None = None


class OfferClosed(Fact):
    """An offer's end with all that explains it (`explanation` is JSON-ready)."""

    offer: OfferId
    call: CallId
    seat: SeatId
    queue: QueueId
    made: Instant
    ended: Instant
    outcome: str
    explanation: Mapping[str, object]


class QueueChanged(Fact):
    queue: QueueId
    waiting: int
    at: Instant


class CallbackOpened(Fact):
    """A callback holds the place that `origin` had."""

    call: CallId
    origin: CallId
    queue: QueueId
    number: str
    at: Instant


class CallbackClosed(Fact):
    """A callback's one outcome.

    ``reached``, ``unreached``, ``called_in``, ``cancelled``, ``expired`` or ``queue_removed``.
    """

    call: CallId
    origin: CallId
    queue: QueueId
    outcome: str
    attempts: int
    asked: Instant
    ended: Instant


Decision = OfferMade | OfferWithdrawn | AnnounceDue | QueueExited | SeatDropped | CallbackDial
FloorOutput = Decision | SeatChanged | OfferClosed | QueueChanged | CallbackOpened | CallbackClosed
