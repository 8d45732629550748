"""What counts as a gap between two voices."""

import numpy as np
import pytest

from callrouter.toolchain.music import alaw_table
from simulators.audio import tone
from simulators.changeover import NothingHeard, carries, changeover
from simulators.rtp_port import Packet


def stream(*parts: tuple[float, int], start: float = 100.0) -> list[Packet]:
    """Packets of 20 ms: (hertz, how many); a negative frequency is packets that never came."""
    packets, at = [], start
    for hertz, count in parts:
        for _ in range(count):
            if hertz >= 0:
                packets.append(Packet(at, alaw_table()[tone(hertz, 0.02).view(np.uint16)].tobytes()))
            at += 0.02
    return packets


@pytest.mark.parametrize(
    ("between", "gap"),
    [((), 0.0), (((-1, 3),), 0.06), (((0, 2),), 0.04), (((0, 1), (-1, 1)), 0.04), (((440, 5),), 0.0)],
    ids=["none", "lost", "silent", "both", "another voice"],
)
def test_what_is_missing_between_two_voices(between: tuple[tuple[float, int], ...], gap: float) -> None:
    found = changeover(stream((1100, 10), *between, (700, 10)), 700, 0.0)
    assert found.gap == pytest.approx(gap, abs=1e-6)
    assert found.heard == pytest.approx(100.2 + 0.02 * sum(count for _, count in between))


def test_one_packet_like_it_is_chance() -> None:
    found = changeover(stream((1100, 5), (700, 1), (1100, 5), (-1, 2), (700, 5)), 700, 0.0)
    assert found.gap == pytest.approx(0.04)


@pytest.mark.parametrize("packets", [stream((1100, 9)), stream((700, 9)), stream((0, 5), (700, 9)), []])
def test_without_both_voices_there_is_no_figure(packets: list[Packet]) -> None:
    with pytest.raises(NothingHeard):
        changeover(packets, 700, 0.0)


def test_a_tone_among_others_is_carried_only_when_it_is_most_of_it() -> None:
    both = (tone(700, 0.02) // 2 + tone(1100, 0.02)).astype(np.int16)
    assert not carries(both, 700)
    assert carries(both, 1100)
    assert not carries(tone(0, 0.02), 700)


def test_what_is_missing_before_the_key_is_pressed_does_not_count() -> None:
    heard = stream((1100, 5), (-1, 5), (700, 5))
    assert changeover(heard, 700, 100.17).gap == pytest.approx(0.03)
    assert changeover(heard, 700, 100.3).gap == 0
