"""One party's channel within a call: its state, and the place where it stands.

Theory. A leg that is up stands in one *place*: in the call's bridge (it speaks with
whoever else is there), or outside it with music, ringback, a prompt, or nothing.
What it *does* (its `Activity`) is kept beside it; `acd.call` cuts it into segments.
"""

from enum import StrEnum
from typing import Final

from acd.ids import ChannelId, Instant, NodeId, OfferId, PlaybackId
from acd.record import Activity, Role


class LegState(StrEnum):
    PLANNED = "planned"
    """Not dialled yet: the person of a callback."""
    DIALLING = "dialling"
    RINGING = "ringing"
    UP = "up"
    ENDING = "ending"
    """We have asked for its end."""
    ENDED = "ended"


class Place(StrEnum):
    NOWHERE = "nowhere"
    BRIDGE = "bridge"
    BRIDGE_TONE = "bridge_tone"
    """In the bridge, alone, hearing that the other side is being called."""
    MUSIC = "music"
    RINGBACK = "ringback"
    TOLD = "told"
    """Hears a prompt; music follows by itself."""


IN_BRIDGE: Final = (Place.BRIDGE, Place.BRIDGE_TONE)
RING_TONE: Final = "tone:ring;tonezone=cn"


class Leg:
    """One party's channel within a call."""

    __slots__ = (
        "activity",
        "answered",
        "channel",
        "closed",
        "consoled",
        "detail",
        "early",
        "holder",
        "node",
        "number",
        "offer",
        "packets",
        "parked",
        "party",
        "place",
        "playback",
        "role",
        "since",
        "sounds",
        "stalled",
        "started",
        "state",
    )

    def __init__(
        self,
        *,
        number: int,
        role: Role,
        party: str,
        node: NodeId,
        channel: ChannelId,
        activity: Activity,
        now: Instant,
        state: LegState = LegState.DIALLING,
        offer: OfferId | None = None,
    ) -> None:
        self.number = number
        self.role = role
        self.party = party
        self.node = node
        self.channel = channel
        self.state = state
        self.place = Place.NOWHERE
        self.playback: PlaybackId | None = None
        self.activity = activity
        self.detail = ""
        self.since = now
        self.started = now
        self.answered: Instant | None = None
        self.early = False
        """Has been heard before it answered: it stands in the bridge as if it were up."""
        self.sounds = False
        """Is heard now, though it has not answered."""
        self.packets = -1
        """Of early media, when last counted."""
        self.stalled = False
        """None came any more."""
        self.holder: ChannelId | None = None
        """The channel whose far end holds (`acd.held`)."""
        self.consoled = False
        """Has music of ours in the bridge, for the other side holds."""
        self.closed = False
        """Its track has its last segment."""
        self.offer = offer
        self.parked: ChannelId | None = None
        """The phone's first line while it speaks on a second (`acd.second_line`)."""

    @property
    def up(self) -> bool:
        return self.state is LegState.UP

    @property
    def heard(self) -> bool:
        """It has answered, or early media of it comes: it has a place among the others."""
        return self.up or (self.early and self.usable)

    @property
    def holds(self) -> bool:
        """Its phone has put us on hold."""
        return self.holder is not None and self.holder == self.channel

    @property
    def live(self) -> bool:
        return self.state is not LegState.ENDED

    @property
    def usable(self) -> bool:
        """Neither ended nor on its way out."""
        return self.state not in (LegState.ENDING, LegState.ENDED)

    @property
    def track(self) -> str:
        return "caller" if self.role is Role.CALLER else str(self.number)
