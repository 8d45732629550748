"""What the in-memory switch is made of: channels, bridges, phones, faults. Plain data."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from acd.ids import BridgeId, ChannelId, PlaybackId

NORMAL_CLEARING, BUSY, NO_ANSWER, REJECTED = 16, 17, 19, 21
"""Q.850 causes, as Asterisk gives them for BYE, 486, no answer in time and 603."""

MUSIC = "music"
RINGBACK = "ringback"
SILENCE = "silence"


def prompt(media: str) -> str:
    """How `Switch.hears` names a prompt."""
    return f"prompt:{media}"


class Habit(StrEnum):
    """What a phone does with a call."""

    ANSWERS = "answers"
    REJECTS = "rejects"
    RINGS_OUT = "rings_out"
    """Rings until the caller's side gives up."""
    SILENT = "silent"
    """Registered, but its address answers nothing."""
    UNREGISTERED = "unregistered"
    """Nobody is registered there: the originate itself fails."""
    MANUAL = "manual"
    """Rings; the test answers or declines by `Switch.pick_up` and `Switch.decline`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """`ring_after` and `after` are seconds from the INVITE; `cause` is what a rejection says.

    `sounds_after`: seconds until it sends early media; None: it sends none.
    """

    habit: Habit = Habit.ANSWERS
    ring_after: float = 0.02
    after: float = 2.0
    sounds_after: float | None = None
    cause: int = BUSY
    obeys_talk: bool = True
    """Answers when asked by NOTIFY ``Event: talk``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Misbehaviour, drawn from the switch's own seeded source.

    Ranges are seconds (least, most); probabilities are per command. `lost` is
    neither carried out nor answered, `unanswered` is carried out and not
    answered; of both the sender learns after `timeout`. `refused` is a 500.
    """

    command_delay: tuple[float, float] = (0.0, 0.0)
    event_delay: tuple[float, float] = (0.0, 0.0)
    lost: float = 0.0
    unanswered: float = 0.0
    refused: float = 0.0
    timeout: float = 5.0


class State(StrEnum):
    OFFERED = "offered"
    """A caller, in the application, not answered."""
    DIALLING = "dialling"
    RINGING = "ringing"
    UP = "up"


@dataclass(slots=True)
class Playing:
    """One entry of a channel's queue of prompts."""

    playback: PlaybackId
    media: tuple[str, ...]


@dataclass(slots=True)
class Channel:
    id: ChannelId
    state: State
    endpoint: str = ""
    caller_number: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    originated: bool = False
    sounds: bool = False
    """Is heard, though it has not answered."""
    in_app: bool = True
    bridge: BridgeId | None = None
    music: str | None = None
    ringback: bool = False
    playing: deque[Playing] = field(default_factory=deque)
    digits_sent: str = ""

    @property
    def unanswered_leg(self) -> bool:
        return self.originated and self.state in (State.DIALLING, State.RINGING)
