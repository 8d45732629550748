"""What a phone knows of one call: its states with their times, its RTP figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpStats:
    """RTP of one call as this phone counted it (RFC 3550), all its streams together.

    `lost` counts packets that never came, `discarded` those too late for the
    jitter buffer; jitter and round trip in milliseconds; `peer_*` is what the
    far end reported by RTCP.
    """

    codec: str = ""
    received: int = 0
    lost: int = 0
    discarded: int = 0
    reordered: int = 0
    duplicated: int = 0
    jitter_ms: float = 0.0
    jitter_max_ms: float = 0.0
    loss_period_ms: float = 0.0
    sent: int = 0
    peer_lost: int = 0
    peer_jitter_ms: float = 0.0
    rtt_ms: float = 0.0
    jitter_buffer_ms: float = 0.0

    @property
    def loss(self) -> float:
        """Share of the peer's packets that could not be played, 0…1."""
        expected = self.received + self.lost
        return (self.lost + self.discarded) / expected if expected else 0.0


@dataclass(slots=True, kw_only=True)
class PhoneCall:
    """What a phone knows of one call; filled while it goes on."""

    incoming: bool
    remote: str
    started: float
    call_id: str = ""
    invite: str = ""
    """The INVITE as received, first 16 KiB."""
    reached: dict[str, float] = field(default_factory=dict)
    """States with the instant each was first reached: calling, incoming, early, connecting,
    confirmed, disconnected."""
    code: int = 0
    reason: str = ""
    media: str = "none"
    """none, active, local_hold, remote_hold."""
    digits: str = ""
    first_rtp: float | None = None

    @property
    def over(self) -> bool:
        return "disconnected" in self.reached

    def header(self, name: str) -> str:
        """First header `name` of the received INVITE, "" when there is none."""
        for line in self.invite.split("\r\n\r\n", 1)[0].split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.strip().lower() == name.lower():
                return value.strip()
        return ""


def combine(streams: Sequence[Mapping[str, Any]]) -> RtpStats:
    """Figures of a call whose media was restarted (hold, re-INVITE): counts add up, jitter is weighted."""
    if not streams:
        return RtpStats()
    total: dict[str, Any] = {"codec": streams[-1]["codec"]}
    for name in ("received", "lost", "discarded", "reordered", "duplicated", "sent", "peer_lost"):
        total[name] = sum(stream[name] for stream in streams)
    total["jitter_max_ms"] = max(stream["jitter_max_ms"] for stream in streams)
    weights = [max(stream["received"], 1) for stream in streams]
    for name in ("jitter_ms", "loss_period_ms", "peer_jitter_ms", "rtt_ms", "jitter_buffer_ms"):
        total[name] = float(np.average([stream[name] for stream in streams], weights=weights))
    return RtpStats(**total)
