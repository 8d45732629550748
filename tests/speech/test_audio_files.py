"""Whatever an engineer is handed as audio is read, or refused with a reason."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from callrouter.speech.audio_files import MAX_BYTES, file_digest, read_audio, write_prompt
from callrouter.speech.levels import RATE, AudioRefused, prepare
from tests.speech.folders import burst, studio


@pytest.mark.parametrize(
    ("name", "rate", "options"),
    [
        ("a.wav", 48_000, {"subtype": "PCM_24"}),
        ("a.wav", 8_000, {"subtype": "ALAW"}),
        ("a.wav", 44_100, {"subtype": "FLOAT"}),
        ("a.flac", 44_100, {}),
        ("a.ogg", 48_000, {}),
        ("a.mp3", 44_100, {}),
        ("a.aiff", 22_050, {}),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_the_usual_formats_are_read_as_mono(
    tmp_path: Path, name: str, rate: int, options: dict[str, str], channels: int
) -> None:
    samples = burst(1.0, rate=rate)
    path = studio(tmp_path / name, np.stack([samples] * channels, 1), rate=rate, options=options)
    read, found = read_audio(path)
    assert found == rate
    assert len(read) == pytest.approx(len(samples), rel=0.1)
    assert np.sqrt(np.mean(read**2)) == pytest.approx(np.sqrt(np.mean(samples**2)), rel=0.1)


def _wav_header(frames: int) -> bytes:
    size = frames * 2
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    return b"RIFF" + struct.pack("<I", size + 36) + b"WAVE" + form + b"data" + struct.pack("<I", size)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not readable as audio"),
        (b"just a text, not a sound", "not readable as audio"),
        (b"RIFF\xff\xff\xff\xffWAVE", "not readable as audio"),
        (os.urandom(4096), "not readable as audio"),
        (_wav_header(0), "empty"),
        (_wav_header(0x7FFF0000), "empty"),
        (b"fLaC" + bytes(200), "not readable as audio"),
        (b"OggS" + bytes(200), "not readable as audio"),
    ],
)
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(content)
    with pytest.raises(AudioRefused, match=rf"take\.wav: .*{reason}"):
        read_audio(path)


def test_a_header_that_promises_too_much_is_taken_by_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(_wav_header(0x7FFF0000) + (burst(1.0, rate=8000) * 32767).astype("<i2").tobytes())
    assert len(read_audio(path)[0]) == 8000


def test_a_forgotten_microphone_is_told(tmp_path: Path) -> None:
    path = studio(tmp_path / "long.flac", np.zeros(8000 * 700), rate=8000)
    with pytest.raises(AudioRefused, match="longer than 600 s"):
        read_audio(path)


def test_files_out_of_reach_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioRefused, match="No such file"):
        read_audio(tmp_path / "none.wav")
    huge = tmp_path / "huge.wav"
    with huge.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(AudioRefused, match="larger than 100 MB"):
        read_audio(huge)


def test_a_prompt_is_written_as_asterisk_reads_it(tmp_path: Path) -> None:
    prompt = prepare(burst(1.0), 24_000)
    path = tmp_path / "zh" / "goodbye.wav"
    write_prompt(path, prompt)
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype, info.format) == (RATE, 1, "PCM_16", "WAV")
    assert np.array_equal(soundfile.read(path, dtype="int16")[0], prompt.samples)
    assert [entry.name for entry in path.parent.iterdir()] == ["goodbye.wav"]
    before = file_digest(path)
    write_prompt(path, prepare(burst(2.0), 24_000))
    assert file_digest(path) != before
