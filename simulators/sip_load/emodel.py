"""Speech quality from network figures: the E-model of ITU-T G.107 with its default parameters.

R = 93.2 − Idd − Ie,eff. Only what a packet network changes is computed; echo,
noise and loudness stand at the defaults (echo is cancelled on these trunks).
"""

import math
from typing import Final

from simulators.softphone_call import RtpStats

DEFAULT_R: Final = 93.2
G711_BPL: Final = 25.1
"""Packet-loss robustness of G.711 with concealment (G.113 appendix I)."""
PACKET_MS: Final = 20.0


def delay_impairment(one_way_ms: float) -> float:
    """Idd of G.107 (7-27, 7-28): nothing up to 100 ms."""
    if one_way_ms <= 100:
        return 0.0
    x = math.log2(one_way_ms / 100)
    return 25.0 * (math.pow(1 + x**6, 1 / 6) - 3 * math.pow(1 + (x / 3) ** 6, 1 / 6) + 2)


def loss_impairment(
    loss: float, burst_ratio: float = 1.0, *, ie: float = 0.0, bpl: float = G711_BPL
) -> float:
    """Ie,eff of G.107 (7-29); `loss` is a share, `burst_ratio` 1 for random loss, above for bursts."""
    percent = 100 * loss
    return ie + (95 - ie) * percent / (percent / max(burst_ratio, 1.0) + bpl)


def rating(one_way_ms: float, loss: float, burst_ratio: float = 1.0) -> float:
    """The transmission rating R."""
    return DEFAULT_R - delay_impairment(one_way_ms) - loss_impairment(loss, burst_ratio)


def mean_opinion(r: float) -> float:
    """MOS-CQE of a rating (G.107 annex B), 1 … 4.5."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def call_quality(stats: RtpStats) -> float:
    """MOS of what a phone received in a call; 1 when nothing came."""
    if not stats.received:
        return 1.0
    one_way = stats.rtt_ms / 2 + stats.jitter_buffer_ms + PACKET_MS
    burst = stats.loss_period_ms / PACKET_MS * (1 - stats.loss) if stats.lost else 1.0
    return mean_opinion(rating(one_way, stats.loss, burst))
