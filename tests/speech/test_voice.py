"""Voices are programs of their own: they may refuse, break down or be missing."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from callrouter.speech import voice as voices
from callrouter.speech.levels import prepare
from callrouter.speech.voice import DraftVoice, NeuralVoice, VoiceError

WORKER = """\
import json, sys
import numpy as np
for line in sys.stdin:
    order = json.loads(line)
    if order["text"] == "break":
        raise SystemExit("out of memory")
    if order["text"] == "refuse":
        print(json.dumps({"ok": False, "error": "the voice cannot read 'refuse'"}), flush=True)
        continue
    np.save(order["out"], np.full(240, order["speed"], dtype=np.float32))
    print(json.dumps({"ok": True, "rate": 24000}), flush=True)
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NeuralVoice:
    """The real host side, before a worker that speaks its protocol."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    monkeypatch.setattr(voices, "WORKER", script)
    return NeuralVoice(Path(sys.executable), tmp_path, {})


def test_samples_come_back_with_their_rate(worker: NeuralVoice) -> None:
    with worker:
        samples, rate = worker.speak("您好", "zf_xiaobei", 1.25)
    assert rate == 24_000
    assert np.all(samples == 1.25)


def test_a_refused_text_leaves_the_voice_usable(worker: NeuralVoice) -> None:
    with worker:
        with pytest.raises(VoiceError, match="cannot read 'refuse': write it another way in `say`"):
            worker.speak("refuse", "zf_xiaobei", 1.0)
        assert len(worker.speak("您好", "zf_xiaobei", 1.0)[0]) == 240


def test_a_broken_worker_is_told_with_its_last_words(worker: NeuralVoice) -> None:
    with worker, pytest.raises(VoiceError, match=r"broke down: out of memory: .* --fresh-voice"):
        worker.speak("break", "zf_xiaobei", 1.0)


def test_a_missing_interpreter_is_told(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="does not start"), NeuralVoice(tmp_path / "none", tmp_path, {}):
        pass


def test_a_voice_that_was_not_started_says_so(worker: NeuralVoice) -> None:
    with pytest.raises(VoiceError, match="not started"):
        worker.speak("您好", "zf_xiaobei", 1.0)


def test_labels_tell_voice_and_pace(worker: NeuralVoice) -> None:
    assert worker.label("zf_xiaobei", 1.05) == "kokoro-82m-int8 zf_xiaobei 1.05"


def test_a_drafting_voice_that_fails_or_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="espeak-ng does not speak"):
        DraftVoice([str(tmp_path / "none")], {}).speak("您好", "", 1.0)
    with pytest.raises(VoiceError, match="espeak-ng failed: no such voice"):
        DraftVoice(["sh", "-c", "echo no such voice >&2; exit 1"], dict(os.environ)).speak("您好", "", 1.0)
    with pytest.raises(VoiceError, match="espeak-ng does not speak"):
        DraftVoice(["sh", "-c", "exit 0"], dict(os.environ)).speak("您好", "", 1.0)


@pytest.mark.asterisk
def test_espeak_drafts_mandarin() -> None:
    from callrouter.toolchain.locate import locate

    program = locate("espeak-ng")
    voice = DraftVoice(program.command(), program.environment())
    samples, rate = voice.speak("您好，请稍候。", "", 1.0)
    assert prepare(samples, rate).seconds > 0.8
    assert voice.draft
