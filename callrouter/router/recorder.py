"""What is being recorded of a call; `callrouter.router.recording` decides."""

from dataclasses import dataclass, field

from acd.ids import ChannelId, Instant, NodeId, RecordingId


@dataclass(slots=True)
class Running:
    """A recording under way."""

    recording: RecordingId
    node: NodeId
    channel: ChannelId
    started: Instant


@dataclass(slots=True)
class Recorder:
    """What is recorded of one call."""

    made: int = 0
    running: dict[str, Running] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
