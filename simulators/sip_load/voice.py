"""What speaking callers say: something with a voice's rhythm, made here."""

import numpy as np

from callrouter.toolchain.music import alaw_table
from simulators.audio import RATE
from simulators.workload import stream


def spoken(seconds: int) -> bytes:
    """Raw A-law: a voice's rise and fall, two thirds of the time."""
    time_ = np.arange(seconds * RATE) / RATE
    syllables = np.abs(np.sin(2 * np.pi * 2.2 * time_)) * ((time_ % 3.0) < 2.0)
    noise = stream(0, "voice").normal(size=len(time_))
    voiced = np.sin(2 * np.pi * 180 * time_) + 0.5 * np.sin(2 * np.pi * 720 * time_) + 0.2 * noise
    samples = (6000 * syllables * voiced / 1.7).clip(-32000, 32000).astype(np.int16)
    return bytes(alaw_table()[samples.view(np.uint16)].tobytes())
