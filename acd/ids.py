"""Typed identifiers. All are plain strings or floats at run time.

Channel, bridge and playback ids are chosen by us before the object exists, so
that a command can be repeated without effect and an event can never arrive
before its bookkeeping.
"""

from typing import NewType

NodeId = NewType("NodeId", str)
"""Which Asterisk a channel lives on."""

CallId = NewType("CallId", str)
"""One caller's visit, from INVITE to record. Sorts by time of arrival."""

ChannelId = NewType("ChannelId", str)
BridgeId = NewType("BridgeId", str)
PlaybackId = NewType("PlaybackId", str)

RecordingId = NewType("RecordingId", str)
"""Also the name of the file, without its extension: never made of anything personal."""

SeatId = NewType("SeatId", str)
"""A workplace with a phone; an agent signs in to it."""

AgentId = NewType("AgentId", str)
QueueId = NewType("QueueId", str)
OfferId = NewType("OfferId", str)
TransferId = NewType("TransferId", str)

LineId = NewType("LineId", str)
"""A partner hotline, sub-center or prefecture as the directory names it, e.g. ``12315``."""

OrgId = NewType("OrgId", str)

Instant = float
"""Seconds since the Unix epoch, UTC. The shell stamps it; the core never asks for it."""

Seconds = float
