"""Rendering and importing keep folder, ledger and catalogue in step."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from callrouter.config.faults import ConfigError
from callrouter.flow.loader import read_catalogue
from callrouter.flow.prompts import Status
from callrouter.speech.levels import TARGET, AudioRefused
from callrouter.speech.library import LEDGER, bring_in, prune, render, to_render
from callrouter.speech.voice import Voice
from tests.speech.folders import CATALOGUE, SHIPPED, Humming, burst, folder_in, studio


def speak_all(folder: Path, voice: Voice, **options: bool) -> list[str]:
    work = to_render(read_catalogue(folder), voice, **options)
    for item in work:
        render(folder, read_catalogue(folder), item, voice)
    return [item.prompt_id for item in work]


def test_rendering_makes_a_catalogue_without_faults(tmp_path: Path) -> None:
    folder, voice = folder_in(tmp_path / "prompts"), Humming()
    assert speak_all(folder, voice) == ["greeting_province", "goodbye", "pause"]
    assert voice.spoken == ["您好，请按一。", "再见。"]
    catalogue = read_catalogue(folder)
    assert catalogue.faults() == ()
    assert catalogue.status("goodbye", "zh") is Status.SYNTHESISED
    assert catalogue.seconds("pause", "zh") == pytest.approx(0.3)
    assert catalogue.media("pause", "zh") == f"sound:{folder.resolve()}/zh/pause"
    assert speak_all(folder, voice) == []


def test_only_what_changed_is_spoken_again(tmp_path: Path) -> None:
    folder = folder_in(tmp_path / "prompts")
    speak_all(folder, Humming())
    folder_in(folder, CATALOGUE.replace("再见。", "再见，祝您顺利。"))
    assert [fault.message for fault in read_catalogue(folder).faults()] == [
        "'goodbye' in zh: the text was changed, the audio was not"
    ]
    assert speak_all(folder, Humming()) == ["goodbye"]
    (folder / "zh" / "pause.wav").unlink()
    assert speak_all(folder, Humming()) == ["pause"]


def test_another_voice_or_pace_speaks_everything_again(tmp_path: Path) -> None:
    folder = folder_in(tmp_path / "prompts")
    speak_all(folder, Humming())
    folder_in(folder, CATALOGUE.replace("voice: zf_xiaobei", "voice: zf_xiaobei, speed: 1.1"))
    assert len(speak_all(folder, Humming())) == 3


def test_a_draft_is_replaced_by_the_better_voice_and_never_the_other_way(tmp_path: Path) -> None:
    folder = folder_in(tmp_path / "prompts")
    speak_all(folder, Humming(draft=True))
    catalogue = read_catalogue(folder)
    assert catalogue.status("goodbye", "zh") is Status.DRAFT
    assert len(catalogue.notices()) == 2
    assert speak_all(folder, Humming(draft=True)) == []
    assert len(speak_all(folder, Humming())) == 3
    assert speak_all(folder, Humming(draft=True)) == []


def test_a_recording_is_not_overwritten_unless_it_is_named(tmp_path: Path) -> None:
    folder = folder_in(tmp_path / "prompts")
    speak_all(folder, Humming())
    take = studio(tmp_path / "take.wav", burst(1.5, rate=48_000))
    bring_in(folder, read_catalogue(folder), "goodbye", "zh", take)
    assert "goodbye" not in speak_all(folder, Humming(), again=True)
    folder_in(folder, CATALOGUE.replace("再见。", "再见啦。"))
    assert read_catalogue(folder).status("goodbye", "zh") is Status.STALE
    assert speak_all(folder, Humming()) == []
    named = to_render(read_catalogue(folder), Humming(), only=["goodbye"], again=True)
    assert [item.prompt_id for item in named] == ["goodbye"]


def test_an_import_fills_a_language_that_has_no_text(tmp_path: Path) -> None:
    folder = folder_in(tmp_path / "prompts")
    catalogue = read_catalogue(folder)
    assert catalogue.media("goodbye", "bo-amdo") is None
    take = studio(
        tmp_path / "take.flac", np.concatenate([np.zeros(48_000), burst(1.5, rate=48_000, amplitude=0.01)])
    )
    prompt = bring_in(folder, catalogue, "goodbye", "bo-amdo", take)
    assert prompt.level == pytest.approx(TARGET, abs=0.5)
    assert prompt.seconds == pytest.approx(1.67, abs=0.05)
    catalogue = read_catalogue(folder)
    assert catalogue.status("goodbye", "bo-amdo") is Status.RECORDED
    assert catalogue.media("goodbye", "bo-amdo") is not None


def test_a_recording_over_the_limit_changes_nothing(tmp_path: Path) -> None:
    folder = folder_in(tmp_path / "prompts")
    take = studio(tmp_path / "take.wav", burst(4.0, rate=48_000))
    with pytest.raises(AudioRefused, match=r"take\.wav: the speech lasts 4 s; a prompt may last 3 s"):
        bring_in(folder, read_catalogue(folder), "greeting_province", "bo-amdo", take)
    assert not (folder / "bo-amdo").exists()
    assert not (folder / LEDGER).exists()


def test_prune_removes_what_the_catalogue_no_longer_has(tmp_path: Path) -> None:
    folder = folder_in(tmp_path / "prompts")
    speak_all(folder, Humming())
    folder_in(folder, CATALOGUE.replace("  goodbye: {zh: 再见。}\n", ""))
    assert [fault.message for fault in read_catalogue(folder).faults()] == [
        "zh/goodbye.wav belongs to no prompt"
    ]
    assert prune(folder, read_catalogue(folder)) == [folder / "zh" / "goodbye.wav"]
    assert read_catalogue(folder).faults() == ()
    assert sorted(path.name for path in (folder / "zh").iterdir()) == ["greeting_province.wav", "pause.wav"]


def test_imports_side_by_side_lose_nothing(tmp_path: Path) -> None:
    prompts = "".join(f"  number_{number}: {{zh: 好}}\n" for number in range(16))
    folder = folder_in(tmp_path / "prompts", CATALOGUE + prompts)
    take = studio(tmp_path / "take.wav", burst(1.0, rate=48_000))
    catalogue = read_catalogue(folder)

    def bring(number: int) -> None:
        bring_in(folder, catalogue, f"number_{number}", "bo-amdo", take)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bring, range(16)))
    assert len(read_catalogue(folder).ledger.audio["bo-amdo"]) == 16


def test_the_ledger_has_a_line_for_each_entry_so_that_changes_merge(tmp_path: Path) -> None:
    folder = folder_in(tmp_path / "prompts")
    speak_all(folder, Humming())
    text = (folder / LEDGER).read_text(encoding="utf-8")
    assert len(text.splitlines()) == 3 + 4
    assert list(json.loads(text)["zh"]) == sorted(json.loads(text)["zh"])


@pytest.mark.parametrize("content", ["{", "[]", '{"zh": {"goodbye": {"source": "guessed"}}}', "\x00"])
def test_a_damaged_ledger_is_told(tmp_path: Path, content: str) -> None:
    folder = folder_in(tmp_path / "prompts")
    (folder / LEDGER).write_text(content)
    with pytest.raises(ConfigError, match=r"rendered\.json: not a ledger"):
        read_catalogue(folder)


def test_all_shipped_mandarin_prompts_exist_and_are_in_step() -> None:
    catalogue = read_catalogue(SHIPPED)
    assert catalogue.faults() == ()
    for prompt_id in catalogue:
        assert catalogue.status(prompt_id, "zh") is Status.SYNTHESISED, prompt_id
        assert 0.2 < catalogue.seconds(prompt_id, "zh") < 20, prompt_id
    assert {catalogue.status(prompt_id, "bo-kham") for prompt_id in catalogue} == {Status.MISSING}


def test_one_changed_letter_of_a_shipped_text_is_a_fault(tmp_path: Path) -> None:
    folder = shutil.copytree(SHIPPED, tmp_path / "prompts")
    path = folder / "catalogue.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("{zh: 再见。,", "{zh: 再会。,"), encoding="utf-8"
    )
    (fault,) = read_catalogue(folder).faults()
    assert fault.message == "'goodbye' in zh: the text was changed, the audio was not"
    assert fault.line > 0
