"""Figures of what the listening phones heard: greeting, both ways, keys, loss, jitter, MOS."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from simulators.sip_load.probes import ProbeResult
from simulators.sip_load.sessions import Figures, share, spread

GREETING: Final = 0.6
"""Score from which a greeting counts as heard."""


def heard(results: Sequence[ProbeResult]) -> Figures:
    """What the listening phones heard."""
    met = [one for one in results if one.hears_seat is not None]
    keyed = [one for one in results if one.keys_sent]
    rated = [one.mos for one in results if one.mos is not None]
    packets = sum(one.rtp.received + one.rtp.lost for one in results if one.rtp is not None)
    missing = sum(one.rtp.lost + one.rtp.discarded for one in results if one.rtp is not None)
    return {
        "calls": len(results),
        "answered": sum(one.setup is not None for one in results),
        "faults": Counter(one.fault for one in results if one.fault),
        "setup": spread(one.setup for one in results if one.setup is not None),
        "first_rtp": spread(one.first_rtp for one in results if one.first_rtp is not None),
        "wait": spread(one.wait for one in results if one.wait is not None),
        "greeting": spread(one.greeting for one in results if one.greeting is not None),
        "greeting_heard": share(
            sum((one.greeting or 0.0) > GREETING for one in results),
            sum(one.greeting is not None for one in results),
        ),
        "both_ways": share(sum(bool(one.hears_seat and one.seat_hears) for one in met), len(met)),
        "caller_deaf": sorted({one.seat for one in met if not one.hears_seat}),
        "seat_deaf": sorted({one.seat for one in met if not one.seat_hears}),
        "greeting_best": max((one.greeting for one in results if one.greeting is not None), default=None),
        "keys_right": share(sum(one.keys_right for one in keyed), len(keyed)),
        "keys_accuracy": _accuracy(keyed),
        "keys_wrong": sorted(
            {f"{one.keys_received or 'nothing'} at {one.seat}" for one in keyed if not one.keys_right}
        ),
        "mos": {**spread(rated), "min": min(rated)} if rated else {"count": 0},
        "loss": missing / packets if packets else None,
        "jitter_ms": spread(one.rtp.jitter_ms for one in results if one.rtp is not None and one.rtp.received),
        "longest_gap": max((one.longest_gap for one in results if one.longest_gap is not None), default=None),
    }


def _accuracy(keyed: Sequence[ProbeResult]) -> float | None:
    """Share of the pressed keys that arrived, by edit distance: lost, added and wrong ones count."""
    pressed = sum(len(one.keys_sent) for one in keyed)
    wrong = sum(edit_distance(one.keys_sent, one.keys_received or "") for one in keyed)
    return max(0.0, 1 - wrong / pressed) if pressed else None


def edit_distance(one: str, other: str) -> int:
    """Fewest insertions, deletions and replacements that make one of the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        before, row[0] = row[0], index
        for place, against in enumerate(other, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (letter != against)),
            )
    return row[-1]
