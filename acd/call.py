"""A call, its legs and where each leg is: data, placement and the segment tracks.

Theory. A call owns at most one mixing bridge. Each leg that is up stands in one
*place*: in the bridge (it speaks with whoever else is there), or outside it with
music, ringback, a prompt, or nothing. A conversation, a hold, a consultation and
a conference differ only in who stands where, so that moving a leg is the one
primitive: `move` yields the commands that leave the old place and enter the new
one, and nothing when the leg is there already. What a leg *does* (its
`Activity`) is kept beside it and cut into segments on every change.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from acd import commands as c
from acd import held
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
    SeatId,
    Seconds,
)
from acd.leg import IN_BRIDGE, RING_TONE, Leg, LegState, Place
from acd.record import Activity, Role, Segment, TransferRecord
from acd.transfer import TERMINAL, TransferState

EMERGENCY: Final = "emergency"
"""Kind of a transfer to 110, 119, 120 or 122, however it was asked for."""


class TargetKind(StrEnum):
    LINE = "line"
    SEAT = "seat"
    NUMBER = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One way to reach a target; a ladder has several, tried in order."""

    party: str
    endpoint: str
    ring_for: Seconds
    caller_name: str
    caller_number: str = ""
    """Shown to the far end; the caller's own when empty."""
    variables: dict[str, str] = field(default_factory=dict)
    offer: OfferId | None = None
    """The floor's reservation when the rung is a seat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a transfer shall lead, resolved from the directory at the key press."""

    kind: TargetKind
    code: str
    rungs: tuple[Rung, ...]
    announce: tuple[str, ...] = ()
    """Media told to the customer before being moved."""
    queue: QueueId | None = None
    """Where the customer waits when every rung has failed and nobody holds the call."""
    emergency: bool = False


@dataclass(slots=True, kw_only=True)
class Transfer:
    """A transfer under way; the table in `acd.transfer` rules its state."""

    number: int
    kind: str
    target: Target
    by: SeatId | None
    asked: Instant
    state: TransferState = TransferState.SEEKING
    rung: int = -1
    leg: Leg | None = None
    answered: Instant | None = None
    cause: str = ""
    closed: bool = False
    """Its record has been written; the target is a leg like any other from then on."""
    swapped: bool = False
    """The transferor speaks with the customer while the target is on hold."""
    joins: bool = False
    """Who answers joins those who speak already: an emergency service, a further party."""
    beneath: "Transfer | None" = None
    """The three-party call that this one brings a further party into (`acd.further`)."""

    @property
    def live(self) -> bool:
        return self.state not in TERMINAL

    def record(self, call: CallId, ended: Instant, outcome: TransferState, cause: str) -> TransferRecord:
        """The attempt as it is written down."""
        return TransferRecord(
            call=call,
            number=self.number,
            kind=EMERGENCY if self.target.emergency else self.kind,
            by=self.by,
            target=self.target.code,
            asked=self.asked,
            answered=self.answered,
            ended=ended,
            outcome=outcome.value,
            cause=cause,
        )


class Owner(StrEnum):
    FLOW = "flow"
    QUEUE = "queue"
    CONVERSATION = "conversation"
    TRANSFER = "transfer"
    ENDED = "ended"


class Call:
    """All that is known of one caller's visit while it lasts."""

    def __init__(
        self,
        *,
        call: CallId,
        node: NodeId,
        channel: ChannelId,
        dialled: str,
        caller: str,
        trunk: str,
        display: str,
        now: Instant,
    ) -> None:
        self.id = call
        self.node = node
        self.dialled = dialled
        self.caller_number = caller
        self.display = display
        self.trunk = trunk
        self.organisation = ""
        self.language = "zh"
        self.music = "default"
        """The music class of the caller's waiting and holding."""
        self.ingress = now
        self.accepted: Instant | None = None
        self.menu_end: Instant | None = None
        self.enqueued: Instant | None = None
        self.rang: Instant | None = None
        self.answered: Instant | None = None
        self.ended: Instant | None = None
        self.ended_by = ""
        self.cause = 0
        self.rejected = False
        self.visited: tuple[str, ...] = ()
        """Numbers that have received this caller, the first receiver first, ours among them."""
        self.hops: int | None = None
        """Max-Forwards that the caller came with; None: not told."""
        self.circling = False
        """The caller has come to us for the second time, or from too far: hand-overs have to end."""
        self.first_receiver = ""
        """Who has to keep a circling caller; ``""``: we."""
        self.context: dict[str, str] = {}
        """What the hotline before us tells: its id of the ``call``, ``visited`` numbers, ``from`` whom."""
        self.note = ""
        """The caller's story in the words of the seat that hands over; whoever comes next reads it."""
        self.came_by: ChannelId | None = None
        """The channel that it began on, when a partner has put another caller in its place since."""
        self.recording_allowed: bool | None = None
        """The caller's answer to the recording question; None: not asked."""
        self.callback_outcome = ""
        """How a callback closed that never reached its person."""
        self.queue: QueueId | None = None
        self.first_seat: SeatId | None = None
        self.first_agent: AgentId | None = None
        self.owner = Owner.FLOW
        self.bridge: BridgeId | None = None
        self.bridges = 0
        self.mixed = False
        """The call may be recorded (`CreateBridge.mixed`)."""
        self.repairs = 0
        self.legs: list[Leg] = []
        self.playbacks = 0
        self.segments: list[Segment] = []
        self.transfers: list[TransferRecord] = []
        self.transfer: Transfer | None = None
        self.holding = False
        """The seat has put the caller on hold (no transfer involved)."""
        self.caller = self.add_leg(Role.CALLER, "", channel, Activity.FLOW, now)
        self.caller.state = LegState.UP

    def add_leg(
        self,
        role: Role,
        party: str,
        channel: ChannelId | None,
        activity: Activity,
        now: Instant,
        offer: OfferId | None = None,
    ) -> Leg:
        number = len(self.legs)
        leg = Leg(
            number=number,
            role=role,
            party=party,
            node=self.node,
            channel=channel or ChannelId(f"cr-{self.id}-{number}"),
            activity=activity,
            now=now,
            offer=offer,
        )
        self.legs.append(leg)
        return leg

    def talking_seat(self) -> Leg | None:
        """The seat that has the caller in its care: the latest one that is up and not a target."""
        targets = [transfer.leg for transfer in self.open_transfers()]
        for leg in reversed(self.legs):
            if leg.role is Role.SEAT and leg.up and leg not in targets:
                return leg
        return None

    def open_transfers(self) -> "list[Transfer]":
        """Those without a record yet, the latest first."""
        top = self.transfer
        both = [top, top.beneath] if top is not None else []
        return [transfer for transfer in both if transfer is not None and not transfer.closed]

    def other_side(self) -> Leg | None:
        """Whoever the caller talks with: a seat, or a partner after a completed transfer."""
        for leg in reversed(self.legs):
            if leg.role is not Role.CALLER and leg.up:
                return leg
        return None

    # --- segments ---------------------------------------------------------------

    def doing(self, leg: Leg, activity: Activity, now: Instant, detail: str = "") -> None:
        """The leg does something else from `now` on; what it did becomes a segment."""
        if leg.activity is activity and leg.detail == detail:
            return
        self.cut(leg, now)
        leg.activity = activity
        leg.detail = detail

    def cut(self, leg: Leg, now: Instant, detail: str | None = None) -> None:
        self.segments += self.stretch(leg, now, detail)
        leg.since = now

    def stretch(self, leg: Leg, now: Instant, detail: str | None = None) -> tuple[Segment, ...]:
        """What the leg has been doing until `now`; nothing when it has only just begun."""
        if now <= leg.since:
            return ()
        return (
            Segment(
                call=self.id,
                track=leg.track,
                role=leg.role,
                party=leg.party,
                activity=leg.activity,
                started=leg.since,
                ended=now,
                detail=leg.detail if detail is None else detail,
            ),
        )

    # --- placement --------------------------------------------------------------

    def move(self, leg: Leg, place: Place, media: tuple[str, ...] = ()) -> list[c.Command]:
        """Commands that bring a leg from where it is to `place`; none when it is there."""
        if leg.place is place or not leg.heard:
            return []
        if place is Place.TOLD and not media:
            return self.move(leg, Place.MUSIC)
        out = self._leave(leg, place)
        out += self._enter(leg, place, media)
        leg.place = place
        return out

    def _leave(self, leg: Leg, place: Place) -> list[c.Command]:
        out: list[c.Command] = []
        if leg.playback is not None:
            out.append(c.StopPlayback(node=leg.node, call=self.id, playback=leg.playback))
            leg.playback = None
        if place is not Place.BRIDGE:
            out += held.spoken_to(self, leg)
        if leg.place is Place.MUSIC:
            out.append(c.MusicOff(node=leg.node, call=self.id, channel=leg.channel))
        elif leg.place is Place.RINGBACK:
            out.append(c.Ring(node=leg.node, call=self.id, channel=leg.channel, on=False))
        elif leg.place in IN_BRIDGE and place not in IN_BRIDGE and self.bridge:
            out.append(c.Leave(node=leg.node, call=self.id, bridge=self.bridge, channel=leg.channel))
        return out

    def _enter(self, leg: Leg, place: Place, media: tuple[str, ...]) -> list[c.Command]:
        out: list[c.Command] = []
        if place is Place.MUSIC:
            out.append(c.MusicOn(node=leg.node, call=self.id, channel=leg.channel, music=self.music_of(leg)))
        elif place is Place.RINGBACK:
            out.append(c.Ring(node=leg.node, call=self.id, channel=leg.channel))
        elif place is Place.TOLD:
            out.append(self.playing(leg, media))
        elif place in IN_BRIDGE:
            if leg.place not in IN_BRIDGE:
                out += self._bridge_for(leg)
            if place is Place.BRIDGE_TONE:
                out.append(self.playing(leg, (RING_TONE,)))
        return out

    def music_of(self, leg: Leg) -> str:
        """The caller's is the queue's or the flow's own."""
        return self.music if leg is self.caller else "default"

    def _bridge_for(self, leg: Leg) -> list[c.Command]:
        out: list[c.Command] = []
        if self.bridge is None:
            self.bridges += 1
            self.bridge = BridgeId(f"cr-{self.id}-b{self.bridges}")
            out.append(c.CreateBridge(node=self.node, call=self.id, bridge=self.bridge, mixed=self.mixed))
        out.append(
            c.Join(
                node=leg.node,
                call=self.id,
                bridge=self.bridge,
                channel=leg.channel,
                # A seat's keys are codes: on the line they would last 0.1 s each, a join waits as long,
                # and a partner's menu would take them for an answer. `Keypad` hands on what is none.
                keys_stay=leg.role is Role.SEAT,
                # A seat's INVITE has named the caller.
                introduced=leg.role is Role.SEAT,
            )
        )
        return out

    def playing(self, leg: Leg, media: tuple[str, ...]) -> c.Play:
        """A playback of ours on a leg; remembered until it ends or is stopped."""
        self.playbacks += 1
        leg.playback = PlaybackId(f"cr-{self.id}-p{self.playbacks}")
        return c.Play(node=leg.node, call=self.id, channel=leg.channel, playback=leg.playback, media=media)

    def rebuild_bridge(self) -> list[c.Command]:
        """A fresh bridge for everybody who should be in the old one (it has failed us)."""
        inside = [leg for leg in self.legs if leg.heard and leg.place in IN_BRIDGE]
        out: list[c.Command] = []
        if self.bridge is not None:
            out.append(c.DestroyBridge(node=self.node, call=self.id, bridge=self.bridge))
        self.bridge = None
        for leg in inside:
            out += self._bridge_for(leg)
        return out

    def drop_bridge(self) -> list[c.Command]:
        if self.bridge is None:
            return []
        bridge, self.bridge = self.bridge, None
        return [c.DestroyBridge(node=self.node, call=self.id, bridge=bridge)]
