"""Voices that speak a text: the neural one for callers, espeak-ng while a flow is being drafted."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final, Protocol, Self

import numpy as np

from callrouter.speech.audio_files import read_audio
from callrouter.speech.levels import AudioRefused, Samples

WORKER: Final = Path(__file__).with_name("kokoro_worker.py")
NEURAL_LABEL: Final = "kokoro-82m-int8"
DRAFT_PACE: Final = 160
"""espeak-ng's words a minute at speed 1."""


class VoiceError(Exception):
    """The voice cannot be used, or not for this text; the message says what to do."""


class Voice(Protocol):
    """Something that speaks. `draft` audio is for trying flows, not for callers."""

    draft: bool

    def speak(self, text: str, voice: str, speed: float) -> tuple[Samples, int]:
        """Mono samples and their rate, by the catalogue's `voice` and `speed`. Raises VoiceError."""

    def label(self, voice: str, speed: float) -> str:
        """What the ledger notes as the speaker: another label is another audio."""


class NeuralVoice:
    """Kokoro-82M in its own Python environment; use as a context manager, which ends the worker."""

    draft = False

    def __init__(self, python: Path, voices: Path, environment: Mapping[str, str]) -> None:
        """`python` is the voice's interpreter, `voices` the folder of style files; `environment` is added."""
        self._command = [str(python), str(WORKER), str(voices)]
        self._environment = {**os.environ, **environment}
        self._worker: subprocess.Popen[str] | None = None
        self._complaints: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._complaints = tempfile.TemporaryFile()
        try:
            self._worker = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                env=self._environment,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            self._complaints.close()
            raise VoiceError(f"the voice does not start: {error}") from None
        return self

    def __exit__(self, *_: object) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.communicate()
        if self._complaints is not None:
            self._complaints.close()

    def speak(self, text: str, voice: str, speed: float) -> tuple[Samples, int]:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "speech.npy"
            order = {"text": text, "voice": voice, "speed": speed, "out": str(out)}
            answer = self._ask(json.dumps(order))
            if not answer.get("ok"):
                raise VoiceError(f"{answer.get('error')}: write it another way in `say`")
            return np.load(out).astype(np.float64), int(str(answer["rate"]))

    def label(self, voice: str, speed: float) -> str:
        return f"{NEURAL_LABEL} {voice} {speed:g}"

    def _ask(self, line: str) -> dict[str, object]:
        worker = self._worker
        if worker is None or worker.stdin is None or worker.stdout is None:
            raise VoiceError("the voice was not started")
        try:
            worker.stdin.write(line + "\n")
            worker.stdin.flush()
            answer: dict[str, object] = json.loads(worker.stdout.readline())
        except (OSError, ValueError):
            raise VoiceError(
                f"the voice broke down: {self._last_words()}: "
                "make its environment anew with `callrouter prompts render --fresh-voice`"
            ) from None
        return answer

    def _last_words(self) -> str:
        if self._complaints is None:
            return "no message"
        self._complaints.seek(0)
        lines = self._complaints.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else "no message"


class DraftVoice:
    """espeak-ng's Mandarin: understandable, not pleasant, there at once."""

    draft = True

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """`command` starts espeak-ng in `environment`; options are appended."""
        self._command, self._environment = list(command), dict(environment)

    def speak(self, text: str, voice: str, speed: float) -> tuple[Samples, int]:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "speech.wav"
            try:
                done = subprocess.run(
                    [
                        *self._command,
                        "-v",
                        "cmn",
                        "-s",
                        str(round(DRAFT_PACE * speed)),
                        "-w",
                        str(out),
                        "--stdin",
                    ],
                    input=text.encode(),
                    env=self._environment,
                    capture_output=True,
                    timeout=60,
                    check=False,
                )
                if done.returncode:
                    raise VoiceError(
                        f"espeak-ng failed: {done.stderr.decode('utf-8', 'replace').strip()[:300]}"
                    )
                return read_audio(out)
            except (OSError, subprocess.TimeoutExpired, AudioRefused) as error:
                raise VoiceError(f"espeak-ng does not speak: {error}: check `espeak-ng -v cmn`") from None

    def label(self, voice: str, speed: float) -> str:
        return f"espeak-ng cmn {speed:g}"
