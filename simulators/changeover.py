"""How long an ear hears nothing while its line passes from one voice to another, from RTP packets alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.audio import RATE, SILENCE_DBFS, Samples, level
from simulators.rtp_port import FRAME_SECONDS, Packet

SURE: Final = 3
"""Packets on end that carry the new tone; one could be chance, in music."""


class NothingHeard(ValueError):
    """The new voice never came, or there was none before it."""


@dataclass(frozen=True, slots=True)
class Changeover:
    """`heard`: when the first packet of the new voice came. `gap`: seconds without any voice before it."""

    heard: float
    gap: float


def changeover(packets: Sequence[Packet], hertz: float, pressed: float) -> Changeover:
    """From whatever was heard before to a tone of `hertz`. Raises `NothingHeard`.

    The gap is what is missing between the end of the last packet with any other
    sound and the first packet with the tone: packets that never came and packets
    of silence count alike. What was missing before `pressed` doesn't: whoever
    presses a key is not heard meanwhile.
    """
    new = [carries(packet.samples, hertz) for packet in packets]
    first = next((i for i in range(len(new) - SURE + 1) if all(new[i : i + SURE])), None)
    if first is None:
        raise NothingHeard(f"no {hertz:g} Hz in {len(packets)} packets")
    before = next((p for p in reversed(packets[:first]) if level(p.samples) > SILENCE_DBFS), None)
    if before is None:
        raise NothingHeard(f"nothing but silence before {hertz:g} Hz")
    heard = packets[first].at
    return Changeover(heard, max(0.0, heard - max(before.at + FRAME_SECONDS, pressed)))


def carries(samples: Samples, hertz: float) -> bool:
    """Most of what is heard is this tone."""
    loud = level(samples)
    if loud <= SILENCE_DBFS:
        return False
    signal = samples.astype(np.float64)
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(signal)) / RATE)
    tone_power = 2 * np.abs(np.dot(signal, wave) / len(signal)) ** 2
    return bool(tone_power > 0.5 * np.mean(np.square(signal)))
