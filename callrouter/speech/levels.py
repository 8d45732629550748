"""Telephone audio: active speech level, trimming, levelling, limiting, 8 kHz.

Loudness is ITU-T P.56 (method B) active speech level, so that pauses don't make
a slow sentence count as quiet. 0 dBov is a full-scale constant, as in G.100.1;
prompts are brought to TARGET, 6 dB above the -26 dBov of a talker on the line,
because callers listen to them on bad mobile links and next to traffic.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE: Final = 8_000
TARGET: Final = -20.0
"""Active speech level of every prompt, dBov."""
PEAK: Final = -3.0
"""No sample above this, dB of full scale: G.711 coders and handsets distort above it."""
LEAD: Final = 0.02
TAIL: Final = 0.15
"""Seconds kept around the speech, so that prompts join without clicks or a rush."""
JOINED_TAIL: Final = 0.04
"""The tail of a fragment that another prompt continues."""
_FRAME: Final = 0.01
_SILENCE: Final = 1e-5
_ONSET, _DECAY, _ROOM = 10 ** (-46 / 20), 10 ** (-34 / 20), 10 ** (-20 / 20)
"""Against the loudest 10 ms: where speech begins (consonants are soft), where it has died away, and how
loud a room may be taken to be.
"""


class AudioRefused(ValueError):
    """Audio that cannot become a prompt; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prompt as it will be played: 16-bit samples at 8 kHz. Levels are dBov and dB of full scale."""

    samples: NDArray[np.int16]
    level: float
    peak: float

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def active_level(samples: Samples, rate: int) -> float:
    """Active speech level in dBov by ITU-T P.56 method B; -inf for silence.

    Envelope: two exponential averages of 30 ms; hang-over 0.2 s; margin 15.9 dB.
    """
    power = float(np.sum(np.square(samples)))
    envelope = _envelope(np.abs(samples), rate)
    thresholds = 2.0 ** np.arange(-15, 0)
    hangover = round(0.2 * rate)
    activity = [_active_samples(envelope, threshold, hangover) for threshold in thresholds]
    previous: tuple[float, float] | None = None
    for threshold, active in zip(thresholds, activity, strict=True):
        if not active or not power:
            break
        level, floor = 10 * math.log10(power / active), 20 * math.log10(threshold)
        if level - floor <= 15.9:
            return _crossing(previous, (level, floor))
        previous = (level, floor)
    return previous[0] if previous is not None else -math.inf


def _crossing(before: tuple[float, float] | None, after: tuple[float, float]) -> float:
    """The level where it stands exactly 15.9 dB above the threshold, between two thresholds."""
    if before is None:
        return after[0]
    above, below = before[0] - before[1] - 15.9, after[0] - after[1] - 15.9
    share = above / (above - below)
    return before[0] + share * (after[0] - before[0])


def _envelope(magnitude: Samples, rate: int) -> Samples:
    keep = math.exp(-1 / (0.03 * rate))
    first = second = 0.0
    result = np.empty(len(magnitude))
    for index, value in enumerate(magnitude.tolist()):
        first = keep * first + (1 - keep) * value
        second = keep * second + (1 - keep) * first
        result[index] = second
    return result


def _active_samples(envelope: Samples, threshold: float, hangover: int) -> int:
    at = np.where(envelope >= threshold, np.arange(len(envelope)), -hangover - 1)
    return int(np.count_nonzero(np.arange(len(envelope)) - np.maximum.accumulate(at) <= hangover))


def prepare(
    samples: Samples, rate: int, *, longest: float = 120.0, tail: float = TAIL, recorded: bool = True
) -> Prepared:
    """Mono audio of any rate as a prompt: rumble out, 8 kHz, trimmed, levelled, peaks limited.

    `recorded` audio has a room's noise before and after the speech; a voice has
    none, and its soft consonants are kept.

    Raises AudioRefused for silence, no audio, or more than `longest` seconds.
    """
    if len(samples) == 0:
        raise AudioRefused("the audio is empty: record it again")
    if not np.all(np.isfinite(samples)):
        raise AudioRefused("the audio holds values that are no sound: export it again as 16-bit WAV")
    if len(samples) / rate > longest * 2:
        raise AudioRefused(f"the audio lasts {len(samples) / rate:.0f} s; a prompt may last {longest:g} s")
    telephone = _without_rumble(
        soxr.resample(samples, rate, RATE, quality="VHQ") if rate != RATE else samples
    )
    speech = _trim(telephone, tail, recorded=recorded)
    if len(speech) / RATE > longest:
        raise AudioRefused(f"the speech lasts {len(speech) / RATE:.0f} s; a prompt may last {longest:g} s")
    # Limiting takes a little loudness away: a second pass brings it back.
    for _ in range(3):
        speech = _limit(speech * 10 ** ((TARGET - active_level(speech, RATE)) / 20))
    speech = _fade(speech)
    whole = np.round(speech * 32767).astype(np.int16)
    return Prepared(whole, active_level(speech, RATE), 20 * math.log10(float(np.max(np.abs(speech)))))


def silence(seconds: float) -> Prepared:
    """A pause."""
    return Prepared(np.zeros(round(seconds * RATE), dtype=np.int16), -math.inf, -math.inf)


def _without_rumble(samples: Samples) -> Samples:
    """Without what the telephone doesn't carry and a loudspeaker wastes power on: below 100 Hz."""
    # The transform is circular: without padding the end would ring into the beginning.
    padded = np.pad(samples - np.mean(samples), RATE // 4)
    spectrum = np.fft.rfft(padded)
    slope = np.clip((np.fft.rfftfreq(len(padded), 1 / RATE) - 60) / 60, 0, 1)
    filtered = np.fft.irfft(spectrum * np.sin(slope * np.pi / 2) ** 2, len(padded))
    return np.asarray(filtered[RATE // 4 :][: len(samples)], dtype=np.float64)


def _trim(samples: Samples, tail: float, *, recorded: bool) -> Samples:
    frame = round(_FRAME * RATE)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    loudness = np.sqrt(np.mean(np.square(frames), axis=1)) if len(frames) else np.zeros(0)
    loudest = float(loudness.max()) if len(loudness) else 0.0
    if loudest < _SILENCE:
        raise AudioRefused("the audio is silent: check the microphone and record it again")
    # Twice the room's noise, but never so much that a soft beginning would count as noise.
    room = min(float(np.percentile(loudness, 5)) * 2, loudest * _ROOM) if recorded else 0.0
    first = int(np.flatnonzero(loudness > max(room, loudest * _ONSET))[0])
    last = int(np.flatnonzero(loudness > max(room, loudest * _DECAY))[-1]) + 1
    start, end = max(0, first * frame - round(LEAD * RATE)), last * frame + round(tail * RATE)
    return np.concatenate([samples[start:end], np.zeros(max(0, end - len(samples)))])


def _limit(samples: Samples) -> Samples:
    """Look-ahead peak limiter: gain falls 5 ms before a peak and recovers within 50 ms."""
    ceiling = 10 ** (PEAK / 20)
    need = np.minimum(1.0, ceiling / np.maximum(np.abs(samples), 1e-9))
    reach = round(0.005 * RATE)
    held = np.min(
        np.lib.stride_tricks.sliding_window_view(np.pad(need, reach, mode="edge"), 2 * reach + 1), 1
    )
    window = np.hanning(2 * reach + 3)[1:-1]
    smooth = np.convolve(np.pad(held, reach, mode="edge"), window / window.sum(), mode="valid")
    return np.clip(samples * np.minimum(smooth, 1.0), -ceiling, ceiling)


def _fade(samples: Samples) -> Samples:
    edge = min(round(0.01 * RATE), len(samples) // 2)
    ramp = np.sin(np.linspace(0, np.pi / 2, edge)) ** 2
    samples = samples.copy()
    samples[:edge] *= ramp
    samples[len(samples) - edge :] *= ramp[::-1]
    return samples
