"""Who was heard, and when: from samples to names.

All tones of the proof are multiples of 10 Hz. In blocks of 100 ms each is a whole
number of cycles, so one line of a Fourier transform holds all of it: a hundred
phones can be listened to beside the controller without taking its time.
"""

import itertools
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.audio import FRAME, FULL_SCALE, RATE, Samples, frame_levels

BLOCK: Final = RATE // 10
HOP: Final = BLOCK // 2
HOP_SECONDS: Final = HOP / RATE
SHORT: Final = 0.25
"""Seconds below which a change counts as the moment of changing itself."""
DROPOUT: Final = 3
"""Hops (0.15 s) that a voice may be missing within one stretch."""
LOUD_DBFS: Final = -45.0
ABOVE_REST_DB: Final = 6.0
"""A voice is a tone that stands so far above everything that is none of the tones."""
CLEAR: Final = 0.2
"""A voice that fills less than this share of a stretch is away, one that lacks less is there."""
SOUND_DBFS: Final = -50.0


def presence(samples: Samples, tones: Mapping[str, float]) -> NDArray[np.bool_]:
    """Which tones are there, hop by hop; columns as in `tones`. Raises ValueError for an odd frequency."""
    bins = [round(hertz * BLOCK / RATE) for hertz in tones.values()]
    if any(index * RATE != hertz * BLOCK for index, hertz in zip(bins, tones.values(), strict=True)):
        raise ValueError(f"{dict(tones)}: tones are multiples of {RATE // BLOCK} Hz")
    if len(samples) < BLOCK or not bins:
        return np.zeros((0, len(bins)), dtype=np.bool_)
    blocks = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), BLOCK)[::HOP]
    lines = 2 * np.square(np.abs(np.fft.rfft(blocks, axis=1))) / BLOCK**2
    power = lines[:, bins]
    rest = np.maximum(np.mean(np.square(blocks), axis=1) - power.sum(axis=1), 1.0)
    loud = power > FULL_SCALE**2 * 10 ** (LOUD_DBFS / 10)
    return np.asarray(loud & (power > rest[:, None] * 10 ** (ABOVE_REST_DB / 10)))


def voices(samples: Samples, tones: Mapping[str, float]) -> frozenset[str] | None:
    """Names of those whose tones fill the samples; None while one is neither there nor away (`CLEAR`)."""
    found = presence(samples, tones)
    if not len(found):
        return frozenset()
    shares = dict(zip(tones, found.mean(axis=0), strict=True))
    if any(CLEAR < share < 1 - CLEAR for share in shares.values()):
        return None
    return frozenset(name for name, share in shares.items() if share > 0.5)


def story(samples: Samples, tones: Mapping[str, float]) -> tuple[frozenset[str], ...]:
    """Who spoke, one after the other; stretches under `SHORT` and those without a voice are left out.

    A stretch that only repeats the one before it (the same voices after a pause) is told once.
    """
    names = list(tones)
    told: list[frozenset[str]] = []
    present: frozenset[str] = frozenset()
    length = 0
    for row in [*_bridged(presence(samples, tones)), None]:
        now = frozenset() if row is None else frozenset(np.asarray(names)[row].tolist())
        if row is not None and now == present:
            length += 1
            continue
        if present and length * HOP_SECONDS >= SHORT and (not told or told[-1] != present):
            told.append(present)
        present, length = now, 1
    return tuple(told)


def _bridged(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Gaps of up to `DROPOUT` hops filled in."""
    filled = found.copy()
    for column in range(found.shape[1]):
        there = np.flatnonzero(found[:, column])
        for before, after in itertools.pairwise(there):
            if 1 < after - before <= DROPOUT + 1:
                filled[before:after, column] = True
    return filled


def longest_silence(samples: Samples) -> float:
    """Seconds of the longest stretch without any sound (music, a tone, a voice), at the ends too."""
    longest = run = 0
    for loud in frame_levels(samples) > SOUND_DBFS:
        run = 0 if loud else run + 1
        longest = max(longest, run)
    return longest * FRAME / RATE
