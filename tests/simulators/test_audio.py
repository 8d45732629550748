import base64
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrouter.toolchain.music import alaw_table
from simulators import audio


def through_g711(samples: audio.Samples) -> audio.Samples:
    return audio.decode_g711(alaw_table()[samples.astype(np.uint16)].tobytes())


def speech(seed: int, seconds: float) -> audio.Samples:
    """Noise with the spectrum and the rhythm of talking: bursts of 150 ms, pauses of 50 ms."""
    noise = np.random.default_rng(seed).normal(0, 1, round(seconds * audio.RATE))
    shaped = np.convolve(noise, np.hanning(12), "same")
    rhythm = (np.arange(len(shaped)) % 1600) < 1200
    return np.round(2500 * shaped * rhythm).astype(np.int16)


@given(hertz=st.integers(300, 3300), level=st.floats(-40, -6))
def test_a_tone_is_found_where_it_was_and_as_loud_as_it_was(hertz: int, level: float) -> None:
    sound = np.concatenate([audio.tone(0, 0.5), audio.tone(hertz, 1.0, level), audio.tone(0, 0.5)])
    (span,) = audio.find_tones(through_g711(sound), [hertz])
    assert span.start == pytest.approx(0.5, abs=0.06)
    assert span.end == pytest.approx(1.5, abs=0.06)
    assert span.level == pytest.approx(level, abs=0.5)
    assert span.snr > 25


def test_two_people_speaking_at_once_are_both_heard_and_an_absent_third_is_not() -> None:
    sound = audio.tone(500, 2.0, -16) + audio.tone(800, 2.0, -16)
    found = audio.find_tones(through_g711(sound), [500, 800, 1100])
    assert {span.hertz for span in found} == {500, 800}
    assert audio.tone_seconds(sound, 500, [800, 1100]) == pytest.approx(2.0)
    assert audio.tone_seconds(sound, 1100, [500, 800]) == 0


def test_speech_is_no_tone_and_a_tone_is_not_broadband() -> None:
    assert audio.find_tones(speech(1, 3.0), [425, 500, 800]) == []
    assert audio.broadband_share(speech(1, 3.0)) > 0.9
    assert audio.broadband_share(audio.tone(450, 3.0)) == 0
    assert audio.broadband_share(audio.tone(0, 3.0)) == 0


def test_a_prompt_is_found_through_g711_at_its_offset_and_another_one_is_not() -> None:
    prompt, other = speech(1, 4.0), speech(2, 4.0)
    line = through_g711(np.concatenate([audio.tone(450, 1.3), prompt, audio.tone(0, 0.5)]))
    match = audio.find_prompt(line, prompt)
    assert match.offset == pytest.approx(1.3, abs=0.005)
    assert match.score > 0.97
    assert audio.find_prompt(line, other).score < 0.3


def test_a_jitter_buffers_slip_does_not_hide_a_prompt_and_a_cut_shows_in_the_score() -> None:
    prompt = speech(1, 4.0)
    slipped = np.concatenate([prompt[:12_000], np.zeros(320, np.int16), prompt[12_000:]])
    assert audio.find_prompt(slipped, prompt).score > 0.85
    half = np.concatenate([prompt[:16_000], np.zeros(16_000, np.int16)])
    assert audio.find_prompt(half, prompt).score == pytest.approx(0.5, abs=0.1)


def test_nothing_is_found_in_silence_or_by_silence() -> None:
    quiet = audio.tone(0, 2.0)
    assert audio.find_prompt(quiet, speech(1, 1.0)) == audio.Match(0.0, 0.0)
    assert audio.find_prompt(speech(1, 1.0), quiet) == audio.Match(0.0, 0.0)
    assert audio.find_tones(quiet[:0], [500]) == []
    assert audio.identify(quiet, {"song": speech(1, 3.0)}) == ("", 0.0)
    assert audio.active_level(quiet) == -120
    assert audio.longest_gap(quiet) == float("inf")


def test_music_on_hold_is_told_by_its_files() -> None:
    songs = {name: speech(seed, 20.0) for seed, name in enumerate(["dawn", "dusk", "noon"])}
    heard = np.concatenate([audio.tone(0, 0.7), through_g711(songs["dusk"][40_123 : 40_123 + 24_000])])
    name, score = audio.identify(heard, songs)
    assert name == "dusk"
    assert score > 0.95
    assert audio.identify(speech(99, 3.0), songs)[1] < 0.3


@given(gap=st.integers(0, 60))
def test_the_longest_gap_is_that_between_sounds(gap: int) -> None:
    silence = np.zeros(gap * audio.FRAME, np.int16)
    edge = np.zeros(100 * audio.FRAME, np.int16)
    sound = np.concatenate([edge, audio.tone(800, 0.4), silence, audio.tone(800, 0.4), edge])
    assert audio.longest_gap(sound) == pytest.approx(gap * 0.02)


def test_levels() -> None:
    assert audio.level(audio.tone(1000, 1.0, -10)) == pytest.approx(-10, abs=0.01)
    with_pauses = np.concatenate([audio.tone(1000, 0.5, -20), audio.tone(0, 2.0)])
    assert audio.active_level(with_pauses) == pytest.approx(-20, abs=0.1)
    assert audio.level(with_pauses[:0]) == -120


def test_frames_that_stopped_coming_are_heard_as_silence_of_the_same_length() -> None:
    frame = audio.tone(800, 0.02).astype("<i2").tobytes()
    times = [10.0 + 0.02 * n for n in range(50)] + [14.0 + 0.02 * n for n in range(50)]
    heard = audio.read_frames(times, base64.b64encode(frame * 100).decode(), 9.0)
    assert heard.started == pytest.approx(9.98)
    assert heard.seconds == pytest.approx(5.0, abs=0.03)
    assert audio.longest_gap(heard.samples) == pytest.approx(3.0, abs=0.05)
    assert heard.part(4.0).started == pytest.approx(13.98)
    assert audio.read_frames([], "", 9.0).seconds == 0


def test_sounds_are_rendered_in_a_row_and_come_back_from_their_file(tmp_path: Path) -> None:
    samples = audio.render([(500, 0.5), (0, 0.25), audio.tone(800, 0.25), 1000])
    assert len(samples) == 2 * audio.RATE
    file = tmp_path / "sound.wav"
    audio.write_wav(file, samples)
    assert np.array_equal(audio.render(file), samples)
    fast = tmp_path / "fast.wav"
    audio.write_wav(fast, audio.tone(500, 2.0), 16_000)
    assert len(audio.load(fast)) == audio.RATE
    raw = tmp_path / "sound.alaw"
    raw.write_bytes(alaw_table()[samples.astype(np.uint16)].tobytes())
    assert np.corrcoef(audio.load(raw), samples)[0, 1] > 0.99


def test_a_file_that_is_no_telephone_sound_is_refused_by_name(tmp_path: Path) -> None:
    stereo = tmp_path / "stereo.wav"
    with wave.open(str(stereo), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(400))
    with pytest.raises(ValueError, match=r"stereo\.wav: 2 channels of 16 bits"):
        audio.load(stereo)
    text = tmp_path / "text.wav"
    text.write_text("hello")
    with pytest.raises(ValueError, match=r"text\.wav: not a wav file"):
        audio.load(text)


def test_g711_decoding_agrees_with_the_recommendations_corner_values() -> None:
    # ITU-T G.711: A-law 0xD5/0x55 are the smallest steps, 0xAA the largest; mu-law 0xFF and 0x7F are zero.
    assert audio.decode_g711(bytes([0xD5, 0x55, 0xAA, 0x2A])).tolist() == [8, -8, 32256, -32256]
    assert audio.decode_g711(bytes([0xFF, 0x7F, 0x80, 0x00]), "u").tolist() == [0, 0, 32124, -32124]
