"""Music on hold as files that cost nothing to play: A-law, what the trunks speak."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from callrouter.toolchain.plan import PlanError


def alaw_table() -> NDArray[np.uint8]:
    """A-law byte of each 16-bit sample, indexed by the sample as unsigned (ITU-T G.711)."""
    sample = np.arange(65536, dtype=np.int32)
    sample[sample > 32767] -= 65536
    positive = sample >= 0
    magnitude = np.where(positive, sample, -sample - 1) >> 3
    segment = np.zeros_like(magnitude)
    for exponent in range(1, 8):
        segment[magnitude >= (16 << exponent)] = exponent
    mantissa = np.where(segment < 2, magnitude >> 1, magnitude >> np.maximum(segment, 1)) & 0x0F
    return ((segment << 4 | mantissa) ^ np.where(positive, 0xD5, 0x55)).astype(np.uint8)


def to_alaw(source: Path, target: Path) -> None:
    """Write the 8 kHz mono 16-bit WAV file `source` as raw A-law; raises `PlanError` for another format."""
    with wave.open(str(source), "rb") as reader:
        if (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) != (8000, 1, 2):
            raise PlanError(f"{source}: music must be 8 kHz, mono, 16 bit")
        samples = np.frombuffer(reader.readframes(reader.getnframes()), dtype="<u2")
    unfinished = target.with_suffix(".part")
    unfinished.write_bytes(alaw_table()[samples].tobytes())
    unfinished.replace(target)
