"""Sounds made and sounds recognised, at 8 kHz, 16 bit: what a telephone line carries.

Levels are in dBFS: RMS against full scale (32768), so a full-scale sine is −3 dBFS.
"""

import base64
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Sound = float | tuple[float, float] | Path | Samples | Sequence["Sound"]
"""A tone (Hz, 1 s), a tone and its length (Hz, s; 0 Hz is silence), a file, samples, or these in a row."""

RATE: Final = 8000
FRAME: Final = 160
"""Samples in 20 ms."""
FULL_SCALE: Final = 32768.0
GAP_SECONDS: Final = 0.2
"""A recording whose frames fall further behind the clock than this had no media in between."""
SILENCE_DBFS: Final = -55.0


@dataclass(frozen=True, slots=True)
class Recording:
    """Samples, and the monotonic instant of the first."""

    samples: Samples
    started: float

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE

    def part(self, start: float, end: float | None = None) -> "Recording":
        """From `start` to `end` seconds after the recording's beginning."""
        first = max(0, round(start * RATE))
        last = len(self.samples) if end is None else round(end * RATE)
        return Recording(self.samples[first:last], self.started + first / RATE)


def read_frames(times: Sequence[float], pcm: str, start: float) -> Recording:
    """Join 20 ms frames (base64, little endian) by arrival time; where media stood still there is silence."""
    data = np.frombuffer(base64.b64decode(pcm), dtype="<i2").astype(np.int16)
    if not times:
        return Recording(data, start)
    pieces: list[Samples] = []
    began = times[0] - FRAME / RATE
    length = 0
    for index, at in enumerate(times):
        missing = at - began - FRAME / RATE - length / RATE
        if missing > GAP_SECONDS:
            pieces.append(np.zeros(round(missing * RATE), np.int16))
            length += len(pieces[-1])
        pieces.append(data[index * FRAME : (index + 1) * FRAME])
        length += FRAME
    return Recording(np.concatenate(pieces), began)


# --- making ---------------------------------------------------------------------


def tone(hertz: float, seconds: float = 1.0, level: float = -13.0) -> Samples:
    """A sine of `level` dBFS; 0 Hz is silence."""
    instants = np.arange(round(seconds * RATE)) / RATE
    peak = FULL_SCALE * 10 ** (level / 20) * np.sqrt(2) if hertz else 0.0
    return np.round(peak * np.sin(2 * np.pi * hertz * instants)).astype(np.int16)


def render(sound: Sound) -> Samples:
    """The samples of any sound. Raises ValueError for a file that isn't one of `load`'s."""
    if isinstance(sound, Path):
        return load(sound)
    if isinstance(sound, np.ndarray):
        return sound.astype(np.int16)
    if isinstance(sound, int | float):
        return tone(sound)
    if isinstance(sound, tuple) and len(sound) == 2 and all(isinstance(part, int | float) for part in sound):
        hertz, seconds = cast(tuple[float, float], sound)
        return tone(hertz, seconds)
    return np.concatenate([render(part) for part in sound])


def write_wav(path: Path, samples: Samples, rate: int = RATE) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, len(samples), "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


def load(path: Path) -> Samples:
    """Read a mono wav (16 bit), or raw .alaw .ulaw .sln; other rates are resampled to 8 kHz.

    Raises ValueError naming the file when it is something else, OSError.
    """
    suffix = path.suffix.lower()
    if suffix in (".alaw", ".al", ".ulaw", ".ul"):
        return decode_g711(path.read_bytes(), law="a" if suffix.startswith(".a") else "u")
    if suffix in (".sln", ".raw", ".pcm"):
        return np.frombuffer(path.read_bytes(), dtype="<i2").astype(np.int16)
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path}: not a wav file ({error})") from error
    if channels != 1 or width != 2:
        raise ValueError(f"{path}: {channels} channels of {8 * width} bits; one channel of 16 bits is needed")
    samples = np.frombuffer(data, dtype="<i2").astype(np.int16)
    return samples if rate == RATE else resample(samples, rate)


def resample(samples: Samples, rate: int) -> Samples:
    """To 8 kHz (soxr, high quality)."""
    import soxr

    return np.asarray(soxr.resample(samples, rate, RATE), dtype=np.int16)


def decode_g711(data: bytes, law: str = "a") -> Samples:
    """ITU-T G.711 bytes to linear samples; `law` is ``a`` (PCMA) or ``u`` (PCMU)."""
    return _G711[law][np.frombuffer(data, dtype=np.uint8)]


def _a_law() -> Samples:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = np.where(
        exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 264) << np.maximum(exponent - 1, 0)
    )
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _u_law() -> Samples:
    code = ~np.arange(256) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = (((mantissa << 3) + 132) << exponent) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


_G711: Final = {"a": _a_law(), "u": _u_law()}


# --- recognising ------------------------------------------------------------------


def level(samples: Samples) -> float:
    """RMS in dBFS; −120 for digital silence or nothing."""
    if not len(samples):
        return -120.0
    power = float(np.mean(np.square(samples.astype(np.float64)))) / FULL_SCALE**2
    return max(-120.0, 10 * np.log10(power)) if power > 0 else -120.0


def frame_levels(samples: Samples) -> NDArray[np.float64]:
    """dBFS of each whole 20 ms frame."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    power = np.mean(np.square(frames), axis=1) / FULL_SCALE**2
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))


def active(samples: Samples, threshold: float = SILENCE_DBFS) -> NDArray[np.bool_]:
    """Which 20 ms frames carry sound."""
    return np.asarray(frame_levels(samples) > threshold)


def active_level(samples: Samples) -> float:
    """Mean level of the frames within 30 dB of the loudest twentieth: speech without its pauses."""
    levels = frame_levels(samples)
    if not len(levels):
        return -120.0
    loud = levels[levels > max(SILENCE_DBFS, np.percentile(levels, 95) - 30)]
    return float(10 * np.log10(np.mean(10 ** (loud / 10)))) if len(loud) else -120.0


def longest_gap(samples: Samples, threshold: float = SILENCE_DBFS) -> float:
    """Longest silence in seconds between the first and the last sound; inf when there is no sound."""
    sounding = np.flatnonzero(active(samples, threshold))
    if not len(sounding):
        return float("inf")
    return float((np.diff(sounding, prepend=sounding[0] - 1).max() - 1) * FRAME / RATE)


@dataclass(frozen=True, slots=True)
class ToneSpan:
    """A tone that was there from `start` to `end` (seconds into the recording)."""

    hertz: float
    start: float
    end: float
    level: float
    """dBFS, mean."""
    snr: float
    """dB against everything in the signal that is none of the tones looked for, mean."""

    @property
    def seconds(self) -> float:
        return self.end - self.start


TONE_BLOCK: Final = 400
"""50 ms: tones 40 Hz apart can be told from each other."""


def find_tones(
    samples: Samples, candidates: Sequence[float], *, minimum_level: float = -45.0, minimum_snr: float = 6.0
) -> list[ToneSpan]:
    """Which of the candidate tones sound, from when to when; several may sound at once.

    Each 50 ms block is fitted by least squares with all candidates together, so
    what is left over is noise and not one of the other tones.
    """
    blocks = samples[: len(samples) // TONE_BLOCK * TONE_BLOCK].reshape(-1, TONE_BLOCK).astype(np.float64)
    if not len(blocks) or not candidates:
        return []
    instants = np.arange(TONE_BLOCK) / RATE
    phases = 2 * np.pi * np.outer(np.asarray(candidates), instants)
    basis = np.concatenate([np.cos(phases), np.sin(phases)]).T
    fitted = blocks @ np.linalg.pinv(basis).T
    residue = np.mean(np.square(blocks - fitted @ basis.T), axis=1) + 1.0
    count = len(candidates)
    power = (np.square(fitted[:, :count]) + np.square(fitted[:, count:])) / 2
    levels = 10 * np.log10(np.maximum(power, 1e-3) / FULL_SCALE**2)
    ratios = 10 * np.log10(np.maximum(power, 1e-3) / residue[:, None])
    present = (levels > minimum_level) & (ratios > minimum_snr)
    spans = []
    for column, hertz in enumerate(candidates):
        for first, last in _runs(present[:, column]):
            spans.append(
                ToneSpan(
                    hertz,
                    first * TONE_BLOCK / RATE,
                    last * TONE_BLOCK / RATE,
                    float(levels[first:last, column].mean()),
                    float(ratios[first:last, column].mean()),
                )
            )
    return sorted(spans, key=lambda span: span.start)


def tone_seconds(samples: Samples, hertz: float, others: Sequence[float] = ()) -> float:
    """How long the tone sounded altogether; `others` may sound at the same time."""
    spans = find_tones(samples, [hertz, *others])
    return sum(span.seconds for span in spans if span.hertz == hertz)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


@dataclass(frozen=True, slots=True)
class Match:
    """Where a known prompt was found: `offset` in seconds into the recording, `score` 0 … 1."""

    offset: float
    score: float


SEGMENT: Final = RATE // 2
SLIP: Final = RATE // 10


def find_prompt(samples: Samples, prompt: Samples) -> Match:
    """Where the prompt is heard in the recording, by normalised cross-correlation.

    The prompt is compared half a second at a time, each allowed 0.1 s of slip (a jitter
    buffer drops and repeats frames), and the score is the mean over its pieces
    that carry sound: about 0.98 through G.711, under 0.4 for other speech. A
    prompt cut short scores the share that was heard. (0, 0) when either is silent.
    """
    pieces = [
        (start, prompt[start : start + SEGMENT])
        for start in range(0, max(1, len(prompt) - SEGMENT // 2), SEGMENT)
    ]
    pieces = [(start, piece) for start, piece in pieces if level(piece) > SILENCE_DBFS]
    if not pieces or level(samples) <= -100.0:
        return Match(0.0, 0.0)
    curves = [(start, _correlation(samples, piece)) for start, piece in pieces]
    best_start, best = max(curves, key=lambda pair: float(pair[1].max()))
    anchor = int(best.argmax()) - best_start
    scores = []
    for start, curve in curves:
        low = max(0, anchor + start - SLIP)
        window = curve[low : max(low, anchor + start + SLIP)]
        scores.append(float(window.max()) if len(window) else 0.0)
    return Match(anchor / RATE, max(0.0, float(np.mean(scores))))


def _correlation(samples: Samples, piece: Samples) -> NDArray[np.float64]:
    """Normalised cross-correlation of `piece` at each offset of `samples` (zero-padded at the end)."""
    length = len(samples) + len(piece)
    size = 1 << (length - 1).bit_length()
    signal = samples.astype(np.float64)
    wanted = piece.astype(np.float64)
    product = np.fft.irfft(np.fft.rfft(signal, size) * np.conj(np.fft.rfft(wanted, size)), size)[
        : len(samples)
    ]
    energy = np.concatenate([[0.0], np.cumsum(np.square(signal)), np.zeros(len(piece))])
    energy[len(signal) + 1 :] = energy[len(signal)]
    window = energy[len(piece) : len(piece) + len(samples)] - energy[: len(samples)]
    # A window much quieter than speech would divide noise by nothing.
    floor = len(piece) * (FULL_SCALE * 10 ** (SILENCE_DBFS / 20)) ** 2
    return np.asarray(product / np.sqrt(np.maximum(window, floor) * np.sum(np.square(wanted))))


def broadband_share(samples: Samples) -> float:
    """Share of the time (0 … 1) with sound that is no plain tone: speech or music, not beeps or silence.

    A quarter second counts when it is above −55 dBFS and its four strongest
    neighbouring 8 Hz lines hold less than 90 % of its energy.
    """
    size = RATE // 4
    blocks = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    if not len(blocks):
        return 0.0
    spectrum = np.square(np.abs(np.fft.rfft(blocks * np.hanning(size), 1024 * 2, axis=1)))
    clusters = np.lib.stride_tricks.sliding_window_view(spectrum, 8, axis=1).sum(axis=2).max(axis=1)
    loud = np.array([level(block.astype(np.int16)) > SILENCE_DBFS for block in blocks])
    return float(np.mean(loud & (clusters < 0.9 * spectrum.sum(axis=1))))


def identify(samples: Samples, library: Mapping[str, Samples]) -> tuple[str, float]:
    """Which known sound this is a piece of, with its score (as `find_prompt`): music on hold, by its files.

    The loudest second and a half of the recording is looked for in each. ("", 0) when silent.
    """
    size = min(len(samples), RATE * 3 // 2) // FRAME * FRAME
    levels = frame_levels(samples)
    if size < FRAME or levels.max() < SILENCE_DBFS:
        return "", 0.0
    power = np.convolve(10 ** (levels / 10), np.ones(size // FRAME), "valid")
    start = int(power.argmax()) * FRAME
    piece = samples[start : start + size]
    scores = {name: float(_correlation(known, piece).max()) for name, known in library.items()}
    return max(scores.items(), key=lambda item: item[1])
