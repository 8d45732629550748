"""The catalogue compares what people wrote with what tools made."""

from collections.abc import Mapping

import pytest

from callrouter.config.document import ConfigError, read_document
from callrouter.flow.prompts import Catalogue, Ledger, Rendering, Status, Wording

TEXT = """\
languages:
  zh: {name: 普通话, voice: zf_xiaobei}
  bo-amdo: {name: 安多藏语, note: native speaker needed}
  bo-kham: {name: 康巴藏语}
fallback: {bo-kham: [bo-amdo]}
max_seconds: {greeting_*: 8}
prompts:
  greeting_province: {zh: 您好。}
  goodbye:
    zh: {text: 再见。, say: 再，见。}
"""


def entry(text: str, say: str = "", *, source: str = "synthesised", seconds: float = 1.0) -> Rendering:
    digest = Wording(text=text, say=say).digest() if text else ""
    return Rendering.model_validate({"source": source, "text": digest, "audio": "a" * 16, "seconds": seconds})


COMPLETE = {"zh": {"greeting_province": entry("您好。"), "goodbye": entry("再见。", "再，见。")}}


def catalogue(
    audio: Mapping[str, Mapping[str, Rendering]],
    *,
    text: str = TEXT,
    files: Mapping[tuple[str, str], str] | None = None,
) -> Catalogue:
    ledger = Ledger(audio={language: dict(entries) for language, entries in audio.items()})
    if files is None:
        files = {
            (language, name): e.audio for language, entries in audio.items() for name, e in entries.items()
        }
    return Catalogue(read_document(text, "catalogue.yaml"), ledger, files, "/srv/prompts")


def told(found: Catalogue) -> list[str]:
    return [str(fault) for fault in found.faults()]


def test_a_complete_catalogue_has_no_faults_and_gives_media() -> None:
    found = catalogue(COMPLETE)
    assert told(found) == []
    assert found.media("goodbye", "zh") == "sound:/srv/prompts/zh/goodbye"
    assert found.text("goodbye", "zh") == "再见。"
    assert found.status("goodbye", "zh") is Status.SYNTHESISED
    assert list(found) == ["greeting_province", "goodbye"]
    assert "goodbye" in found
    assert "good_bye" not in found


def test_a_language_that_is_not_there_is_not_pretended() -> None:
    found = catalogue(COMPLETE)
    assert found.media("goodbye", "bo-amdo") is None
    assert found.status("goodbye", "bo-amdo") is Status.MISSING
    notices = [str(notice) for notice in found.notices()]
    assert notices[0].startswith("catalogue.yaml:3:3: 安多藏语 (bo-amdo): 2 of 2 prompts have no recording.")
    assert "native speaker needed" in notices[0]


def test_only_a_written_fallback_lets_another_language_stand_in() -> None:
    found = catalogue({**COMPLETE, "bo-amdo": {"goodbye": entry("", source="recorded")}})
    spoken = found.speak("goodbye", "bo-kham")
    assert spoken is not None
    assert (spoken.language, spoken.status) == ("bo-amdo", Status.RECORDED)
    assert spoken.media == "sound:/srv/prompts/bo-amdo/goodbye"
    assert found.media("greeting_province", "bo-kham") is None
    assert told(found) == []


def test_a_changed_text_is_a_fault_at_its_line_but_the_old_audio_still_plays() -> None:
    found = catalogue(COMPLETE, text=TEXT.replace("您好。", "你好。"))
    assert told(found) == [
        "catalogue.yaml:8:27: 'greeting_province' in zh: the text was changed, the audio was not. "
        "Run `callrouter prompts render`"
    ]
    assert found.media("greeting_province", "zh") is not None


def test_a_changed_spelling_for_the_voice_counts_too() -> None:
    assert (
        catalogue(COMPLETE, text=TEXT.replace("再，见。", "再见了。")).status("goodbye", "zh") is Status.STALE
    )


@pytest.mark.parametrize("files", [{}, {("zh", "goodbye"): "b" * 16}])
def test_a_file_that_is_gone_or_was_exchanged_is_a_fault(files: dict[tuple[str, str], str]) -> None:
    found = catalogue({"zh": {"goodbye": COMPLETE["zh"]["goodbye"]}}, files=files)
    assert found.status("goodbye", "zh") is Status.DAMAGED
    assert found.media("goodbye", "zh") is None
    assert any("goodbye.wav is gone or is not the file that was made" in line for line in told(found))


def test_what_the_voice_could_speak_but_has_not_is_a_fault() -> None:
    found = catalogue({"zh": {"goodbye": COMPLETE["zh"]["goodbye"]}})
    assert told(found) == [
        "catalogue.yaml:8:27: 'greeting_province' in zh: there is no audio. Run `callrouter prompts render`"
    ]


def test_an_unwritten_text_is_a_fault_in_a_language_with_a_voice() -> None:
    found = catalogue(COMPLETE, text=TEXT + "  please_hold: {bo-amdo: ༼ ༽}\n")
    assert told(found) == [
        "catalogue.yaml:11:3: 'please_hold' in zh: there is no audio. "
        "Write its text under zh:, then render it"
    ]


def test_a_greeting_that_is_too_long_is_a_fault() -> None:
    audio = {"zh": {**COMPLETE["zh"], "greeting_province": entry("您好。", seconds=8.2)}}
    assert "lasts 8.2 s, longer than max_seconds allows (8 s)" in told(catalogue(audio))[0]


def test_audio_without_a_prompt_and_files_put_there_by_hand_are_faults() -> None:
    audio = {"zh": {**COMPLETE["zh"], "good_bye": entry("再见。")}}
    files = {("zh", name): "a" * 16 for name in audio["zh"]} | {("bo-amdo", "goodbye"): "c" * 16}
    lines = told(catalogue(audio, files=files))
    assert any("zh/good_bye.wav belongs to no prompt. Did you mean 'goodbye'?" in line for line in lines)
    assert any("bo-amdo/goodbye.wav was put there by hand" in line for line in lines)


def test_drafts_play_but_are_told() -> None:
    audio = {"zh": {**COMPLETE["zh"], "goodbye": entry("再见。", "再，见。", source="draft")}}
    found = catalogue(audio)
    assert found.media("goodbye", "zh") is not None
    assert told(found) == []
    assert any("1 prompts are spoken by the drafting voice" in str(notice) for notice in found.notices())


def test_a_recording_without_a_written_text_never_goes_stale() -> None:
    audio = {**COMPLETE, "bo-amdo": {"goodbye": entry("", source="recorded")}}
    text = TEXT.replace("    zh: {text", "    bo-amdo: ད\n    zh: {text")
    assert catalogue(audio, text=text).status("goodbye", "bo-amdo") is Status.RECORDED


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("greeting_province:", "Greeting:", "catalogue.yaml:8:3:"),
        ("{zh: 您好。}", "{zh: ''}", "catalogue.yaml:8:27:"),
        ("{zh: 您好。}", "{zh: {text: 您好。, sai: 您}}", "unknown key 'sai'. Did you mean 'say'?"),
        ("languages:", "langages:", "unknown key 'langages'. Did you mean 'languages'?"),
        ("voice:", "speed: 9, voice:", "'speed' must be at most 2"),
    ],
)
def test_a_bad_document_is_refused_with_its_place(old: str, new: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=r"catalogue\.yaml") as error:
        catalogue(COMPLETE, text=TEXT.replace(old, new))
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "[bo-amdo]",
            "[bo-ambo]",
            "catalogue.yaml:5:22: unknown language 'bo-ambo'. Did you mean 'bo-amdo'?",
        ),
        (
            "{zh: 您好。}",
            "{zh: 您好。, bo-amdoo: 您好}",
            "catalogue.yaml:8:32: unknown language 'bo-amdoo'. Did you mean 'bo-amdo'?",
        ),
        ("greeting_*", "greting_*", "catalogue.yaml:6:15: no prompt is called 'greting_*'"),
    ],
)
def test_names_that_lead_nowhere_are_faults(old: str, new: str, expected: str) -> None:
    assert any(line.startswith(expected) for line in told(catalogue(COMPLETE, text=TEXT.replace(old, new))))
