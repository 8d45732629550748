"""Levels are those of ITU-T P.56; every prompt comes out equally loud, trimmed and limited."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callrouter.speech.levels import (
    JOINED_TAIL,
    LEAD,
    PEAK,
    RATE,
    TAIL,
    TARGET,
    AudioRefused,
    Samples,
    active_level,
    prepare,
    silence,
)


def tone(seconds: float, *, amplitude: float = 0.1, rate: int = RATE, hertz: float = 440.0) -> Samples:
    return np.asarray(amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate))


def syllables(count: int, *, amplitude: float = 0.1, rate: int = RATE) -> Samples:
    """Bursts of 200 ms with 80 ms between them: the rhythm of speech."""
    shape = np.hanning(round(0.2 * rate)) * tone(0.2, amplitude=amplitude, rate=rate)
    return np.tile(np.concatenate([shape, np.zeros(round(0.08 * rate))]), count)


def test_a_steady_tone_has_its_effective_value() -> None:
    assert active_level(tone(3.0), RATE) == pytest.approx(20 * math.log10(0.1 / math.sqrt(2)), abs=0.1)


def test_pauses_do_not_count() -> None:
    """Half the time silent: the plain mean falls by 3 dB, the active level hardly (hang-over 0.2 s)."""
    steady = tone(4.0)
    broken = np.concatenate([np.concatenate([tone(2.0), np.zeros(2 * RATE)]) for _ in range(3)])
    assert active_level(broken, RATE) == pytest.approx(active_level(steady, RATE), abs=0.6)


@given(st.floats(-25, 15))
@settings(max_examples=15, deadline=None)
def test_gain_moves_the_level_by_itself(gain: float) -> None:
    speech = syllables(6)
    louder = speech * 10 ** (gain / 20)
    assert active_level(louder, RATE) - active_level(speech, RATE) == pytest.approx(gain, abs=0.3)


def test_silence_has_no_level() -> None:
    assert active_level(np.zeros(RATE), RATE) == -math.inf


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("amplitude", [0.003, 0.05, 0.9])
def test_every_prompt_comes_out_equally_loud(rate: int, amplitude: float) -> None:
    prompt = prepare(syllables(6, amplitude=amplitude, rate=rate), rate)
    assert prompt.level == pytest.approx(TARGET, abs=0.5)
    assert prompt.peak <= PEAK + 0.1
    assert prompt.samples.dtype == np.int16
    assert prompt.seconds == pytest.approx(6 * 0.28 - 0.08 + LEAD + TAIL, abs=0.1)


def test_peaks_are_limited_without_clipping() -> None:
    speech = syllables(6, amplitude=0.02)
    speech[RATE : RATE + 40] += tone(0.005, amplitude=0.9, hertz=900)
    prompt = prepare(speech, RATE)
    ceiling = 32767 * 10 ** (PEAK / 20)
    assert np.max(np.abs(prompt.samples)) <= ceiling + 1
    # A clipped wave stands at the ceiling for many samples; a limited one touches it.
    assert np.count_nonzero(np.abs(prompt.samples) > ceiling * 0.999) < 8


@pytest.mark.parametrize("noise", [0.0, 0.0005, 0.003])
def test_silence_and_the_room_around_the_speech_are_cut(noise: float) -> None:
    room = np.random.default_rng(1).normal(0, noise, 5 * RATE) if noise else np.zeros(5 * RATE)
    speech = syllables(4)
    take = room.copy()
    take[2 * RATE : 2 * RATE + len(speech)] += speech
    prompt = prepare(take, RATE)
    assert prompt.seconds == pytest.approx(4 * 0.28 - 0.08 + LEAD + TAIL, abs=0.12)


def test_a_fragment_keeps_less_silence_so_that_words_join() -> None:
    speech = np.concatenate([syllables(2), np.zeros(RATE)])
    whole, fragment = prepare(speech, RATE), prepare(speech, RATE, tail=JOINED_TAIL)
    assert whole.seconds - fragment.seconds == pytest.approx(TAIL - JOINED_TAIL, abs=0.011)


def test_a_soft_consonant_of_a_voice_is_not_cut_off() -> None:
    """40 dB below the vowel, as an s is at 8 kHz."""
    consonant = np.random.default_rng(2).normal(0, 0.1 / 100, round(0.1 * RATE))
    word = np.concatenate([consonant, syllables(1)])
    assert prepare(word, RATE, recorded=False).seconds > prepare(word[len(consonant) :], RATE).seconds + 0.07


def test_rumble_is_taken_out() -> None:
    speech = syllables(6)
    shaken = speech + tone(len(speech) / RATE, amplitude=0.3, hertz=30)
    clean, mended = prepare(speech, RATE).samples, prepare(shaken, RATE).samples
    length = min(len(clean), len(mended))
    assert np.corrcoef(clean[:length], mended[:length])[0, 1] > 0.98


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(0), "empty"),
        (np.zeros(RATE), "silent"),
        (np.full(RATE, np.nan), "no sound"),
        (np.full(RATE, np.inf), "no sound"),
        (np.full(RATE, 0.5), "silent"),
        (np.zeros(3), "silent"),
        (syllables(80), "lasts 22 s; a prompt may last 10 s"),
        (tone(12.0), "lasts 12 s; a prompt may last 10 s"),
    ],
)
def test_what_cannot_be_a_prompt_is_refused(samples: Samples, reason: str) -> None:
    with pytest.raises(AudioRefused, match=reason):
        prepare(samples, RATE, longest=10.0)


def test_a_long_take_with_a_short_speech_is_accepted() -> None:
    take = np.concatenate([np.zeros(12 * RATE), syllables(4)])
    assert prepare(take, RATE, longest=10.0).seconds < 2


def test_a_pause_is_silent_and_as_long_as_asked() -> None:
    assert not silence(0.3).samples.any()
    assert silence(0.3).seconds == pytest.approx(0.3)
