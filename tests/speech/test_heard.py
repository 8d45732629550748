"""The shipped prompts say what the catalogue says: a recogniser who knows nothing of it writes them down."""

import json
import subprocess
from pathlib import Path
from typing import TypedDict

import pytest
import soundfile

from callrouter.flow import say
from callrouter.flow.loader import read_catalogue
from callrouter.flow.mandarin import readable
from callrouter.speech.environment import PinnedEnvironment
from callrouter.toolchain.paths import cache_home
from tests.speech.folders import SHIPPED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

REQUIREMENTS = Path(__file__).with_name("recogniser-requirements.txt")
SAMPLE = (
    "greeting_province", "greeting_merged_line", "recording_notice", "menu_intro", "too_many_mistakes",
    "all_seats_busy", "queue_full", "callback_offer", "night_service", "transfer_12315", "transfer_12366",
    "transfer_110", "transfer_failed", "survey_invite", "technical_trouble", "voicemail_invite",
    "progress_not_found",
)  # fmt: skip
WRONG_IN_ALL = 0.08
WRONG_IN_ONE = 0.25
"""Shares of the sounds. The recogniser is a small one and hears telephone quality; a wrong text or a
garbled voice is far beyond them, as the last test shows.
"""


class Report(TypedDict):
    file: str
    text: str
    heard: str
    sounds: int
    wrong: int


@pytest.fixture(scope="module")
def recogniser() -> PinnedEnvironment:
    """Installed into the cache once, like the other tools; about 200 MB."""
    environment = PinnedEnvironment(cache_home() / "recogniser", REQUIREMENTS)
    environment.ensure(lambda step: None)
    return environment


def listen(recogniser: PinnedEnvironment, texts: dict[Path, str]) -> list[Report]:
    orders = [{"file": str(path), "text": readable(text)} for path, text in texts.items()]
    program = [recogniser.python, Path(__file__).with_name("recogniser.py"), recogniser.home / "model"]
    done = subprocess.run(
        program, input=json.dumps(orders), capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report: list[Report] = json.loads(done.stdout)
    return report


def test_what_is_heard_is_what_is_written(recogniser: PinnedEnvironment) -> None:
    catalogue = read_catalogue(SHIPPED)
    texts = {SHIPPED / "zh" / f"{name}.wav": catalogue.text(name, "zh") or "" for name in SAMPLE}
    report = listen(recogniser, texts)
    shown = "\n".join(f"{row['wrong']}/{row['sounds']} {row['text']} → {row['heard']}" for row in report)
    assert len(report) == len(SAMPLE)
    assert sum(row["wrong"] for row in report) <= WRONG_IN_ALL * sum(row["sounds"] for row in report), shown
    assert all(row["wrong"] <= max(1, WRONG_IN_ONE * row["sounds"]) for row in report), shown


def test_joined_words_are_understood(recogniser: PinnedEnvironment, tmp_path: Path) -> None:
    """Fragments played one after another, as a caller hears them."""
    catalogue = read_catalogue(SHIPPED)
    sequences = (
        say.queue_position(12),
        say.expected_wait(25 * 60),
        ("you_entered", *say.digits("12345")),
        ("callback_number_before", *say.telephone("13997186302")),
        (
            "progress_due_before",
            *say.calendar_date(say.date(2026, 11, 23)),
            *say.clock_time(say.time(15, 30)),
        ),
    )
    texts = {}
    for number, sequence in enumerate(sequences):
        path = tmp_path / f"{number}.wav"
        with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as joined:
            for name in sequence:
                joined.write(soundfile.read(SHIPPED / "zh" / f"{name}.wav", dtype="int16")[0])
        texts[path] = "".join(catalogue.text(name, "zh") or "" for name in sequence)
    report = listen(recogniser, texts)
    shown = "\n".join(f"{row['wrong']}/{row['sounds']} {row['text']} → {row['heard']}" for row in report)
    assert sum(row["wrong"] for row in report) <= 0.25 * sum(row["sounds"] for row in report), shown


def test_another_text_would_be_noticed(recogniser: PinnedEnvironment) -> None:
    (row,) = listen(recogniser, {SHIPPED / "zh" / "queue_full.wav": "正在为您转接海关服务热线，请不要挂机。"})
    assert row["wrong"] > 0.6 * row["sounds"]
