"""A small prompts' folder, and a voice that hums what it is given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from callrouter.speech.levels import Samples
from callrouter.speech.voice import VoiceError

SHIPPED: Final = Path(__file__).parents[2] / "ivr_flows" / "prompts"
CATALOGUE: Final = """\
languages:
  zh: {name: 普通话, voice: zf_xiaobei}
  bo-amdo: {name: 安多藏语, note: native speaker needed}
max_seconds: {greeting_*: 3}
prompts:
  greeting_province: {zh: 您好，请按1。}
  goodbye: {zh: 再见。}
  pause: {zh: ……}
"""


class Humming:
    """A voice of 0.2 s for each character; refuses what it is told to refuse."""

    draft = False

    def __init__(self, *, draft: bool = False, refuses: str = "") -> None:
        self.draft = draft
        self.refuses = refuses
        self.spoken: list[str] = []

    def speak(self, text: str, voice: str, speed: float) -> tuple[Samples, int]:
        self.spoken.append(text)
        if self.refuses and self.refuses in text:
            raise VoiceError(f"cannot read {text}")
        return burst(0.2 * len(text)), 24_000

    def label(self, voice: str, speed: float) -> str:
        return f"{'draft' if self.draft else 'hum'} {voice} {speed:g}"


def burst(seconds: float, *, rate: int = 24_000, amplitude: float = 0.2) -> Samples:
    at = np.arange(round(seconds * rate)) / rate
    return np.asarray(amplitude * np.sin(2 * np.pi * 300 * at) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * at)))


def folder_in(place: Path, catalogue: str = CATALOGUE) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    (place / "catalogue.yaml").write_text(catalogue, encoding="utf-8")
    return place


def studio(
    path: Path, samples: Samples, *, rate: int = 48_000, options: Mapping[str, str] | None = None
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **(options or {}))
    return path
