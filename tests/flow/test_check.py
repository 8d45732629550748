"""`check`: all errors at once, each with its line and a way out."""

from pathlib import Path

import pytest

from callrouter.config.document import ConfigError
from callrouter.flow.check import Findings, check
from callrouter.flow.check_names import Known
from callrouter.flow.loader import load_flows, read_flows

MAIN = """\
flow: hotline
languages: [zh, bo]
person: seat
start: greeting
variables:
  line: {type: string}
  spare: {type: string}
nodes:
  greeting:
    menu: {prompt: [hello, {number: hour}], keys: {1: out, 2: part, 3: hours}, repeat: "*"}
  out:
    transfer: {line: "12315"}
  part:
    subflow: {flow: part, arguments: {least: "1"}, results: {line: found}, next: seat}
  hours:
    hours: {calendar: office, open: seat, closed: speak, days: {losar: seat}}
  speak:
    language: {to: bo, next: seat}
  seat:
    queue: {queue: xining, skills: mandarin | bo-amdo >= 2}
"""
PART = """\
flow: part
subflow: true
start: back
variables:
  least: {type: int, argument: true}
  found: {type: string}
nodes:
  back:
    return: {}
"""
CATALOGUE = """\
languages: {zh: {name: 普通话, voice: v}, bo: {name: 藏语}, en: {name: English}}
prompts: {hello: {zh: 你好}}
"""
CALENDAR = """\
calendars:
  office: {week: {mon-fri: [09:00-17:00]}, days: [{date: 2026-02-18, name: losar}]}
"""
KNOWN = Known(
    queues=["xining", "province"],
    skills=["mandarin", "bo-amdo"],
    lines=["12315"],
    seats=[],
    services=["orders"],
)
AUTUMN_2026 = 1_795_147_200.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "hotline.yaml": MAIN,
        "part.yaml": PART,
        "prompts/catalogue.yaml": CATALOGUE,
        "site/calendar.yaml": CALENDAR,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def change(folder: Path, old: str, new: str, file: str = "hotline.yaml") -> Findings:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return findings(folder)


def findings(folder: Path) -> Findings:
    return check(read_flows(folder), KNOWN, AUTUMN_2026, audio=False)


def test_sound_flows(folder: Path) -> None:
    assert findings(folder).errors == ()
    assert [str(w).removeprefix(f"{folder}/") for w in findings(folder).warnings] == [
        "hotline.yaml:2:17: 1 of 1 prompts have no recording in bo. They are said in zh: hello",
        "hotline.yaml:7:3: variable 'spare' is never used. Remove it",
        "site/calendar.yaml:2:3: calendar 'office' does not know the make-up workdays of 2027, which"
        " begins in 42 days."
        " Write the State Council's notice under `years: {2027: …}`; until then weekdays count",
    ]
    assert load_flows(folder).version == load_flows(folder).version


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("queue: xining", "queue: xinnig", "yaml:20:13: there is no queue 'xinnig'. Did you mean 'xining'?"),
        ("mandarin |", "mandrin |", "yaml:20:28: there is no skill 'mandrin'. Did you mean 'mandarin'?"),
        (">= 2", ">= 20", "yaml:20:28: skills 'mandarin | bo-amdo >= 20': a level is"),
        ('"12315"', '"12135"', "yaml:12:16: there is no line '12135'. Did you mean '12315'?"),
        ('line: "12315"', "seat: a1", "yaml:12:16: there is no seat 'a1'"),
        ("[hello,", "[helo,", "yaml:10:21: there is no prompt 'helo'. Did you mean 'hello'?"),
        ("[zh, bo]", "[zh, tibetan]", "yaml:2:17: the prompt catalogue has no language 'tibetan'"),
        ("to: bo", "to: en", "yaml:18:16: the flow does not list the language 'en'"),
        ("calendar: office", "calendar: offic", "yaml:16:13: there is no calendar 'offic'. Did you mean"),
        ("losar: seat", "loser: seat", "has no day called 'loser'. Did you mean 'losar'?"),
        ("flow: part,", "flow: prat,", "there is no flow 'prat'. Did you mean 'part'?"),
        ("{least:", "{leest:", "'part' takes no argument 'leest'. Did you mean 'least'?"),
        ("{least:", "{leest:", "yaml:14:5: argument 'least' of 'part' is missing"),
        ('"1"}', "dialled}", "argument 'least' is int, but is given string"),
        ("line: found", "line: fuond", "'part' has no variable 'fuond'. Did you mean 'found'?"),
        ("line: found", "lien: found", "variable 'lien' is not declared. Did you mean 'line'?"),
        ("next: seat}\n  hours", "next: seat, ways: {x: seat}}\n  hours", "'part' never returns as 'x'"),
        ("keys: {1: out,", "keys: {1: out, 12: out,", "key 1 is also the beginning of 12"),
        ("keys: {1: out,", 'keys: {1: out, "*": out,', "key * repeats the prompt and begins *"),
        ("keys: {1: out,", "keys: {0: part, 1: out,", "`0` must lead to a person"),
        ('repeat: "*"', 'repeat: "0"', "yaml:10:80: `0` must lead to a person"),
        ("open: seat", "open: sEat", "no node is called 'sEat'. Did you mean 'seat'?"),
        ("hours:\n    hours:", "hours:\n    hour:", "yaml:16:5: unknown verb 'hour'. Did you mean"),
        ("repeat:", "repaet:", "yaml:10:80: unknown key 'repaet'. Did you mean 'repeat'?"),
        ("person: seat", "person: out", "yaml:3:9: 'out' is no queue node"),
        ("person: seat\n", "", "`person` is missing"),
        ("start: greeting", "start: greetings", "no node is called 'greetings'. Did you mean 'greeting'?"),
        ("flow: hotline", "flow: other", "flow 'other' lies in hotline.yaml"),
    ],
)  # fmt: skip
def test_errors(folder: Path, old: str, new: str, error: str) -> None:
    found = "\n".join(map(str, change(folder, old, new).errors))
    assert error in found


def test_all_errors_at_once_across_files(folder: Path) -> None:
    change(folder, "return: {}", "retrun: {}", "part.yaml")
    change(folder, "week:", "weak:", "site/calendar.yaml")
    errors = change(folder, "hello,", "helo,").errors
    assert {Path(fault.file).name for fault in errors} == {"part.yaml", "calendar.yaml", "hotline.yaml"}


def test_audio_that_is_missing_is_an_error_of_check_but_stops_no_call(folder: Path) -> None:
    assert "there is no audio" in str(check(read_flows(folder)).errors[0])
    load_flows(folder)


def test_a_prompt_longer_than_eight_seconds_as_greeting(folder: Path) -> None:
    ledger = '{"zh": {"hello": {"source": "recorded", "text": "x", "audio": "y", "seconds": 8.5}}}'
    (folder / "prompts" / "rendered.json").write_text(ledger)
    assert any("the greeting lasts 8.5 s" in str(w) for w in findings(folder).warnings)


def test_the_last_resort_must_exist(folder: Path) -> None:
    found = check(read_flows(folder), Known(queues=["xining"]), audio=False)
    assert "no queue 'province', the last resort" in str(found.errors)


def test_loading_is_all_or_nothing(folder: Path) -> None:
    change(folder, "person: seat", "person: nobody")
    with pytest.raises(ConfigError, match="no node is called 'nobody'"):
        load_flows(folder)


def test_all_errors_of_one_file_and_of_one_node_at_once(folder: Path) -> None:
    change(folder, "repeat:", "repaet:")
    change(folder, "2: part", "2: prat")
    change(folder, 'line: "12315"', 'line: "12135", busy: out2')
    change(folder, "flow: part,", "flow: patr,")
    errors = "\n".join(map(str, change(folder, "languages:", "langauges:").errors))
    for words in ("'repaet'", "'prat'", "'12135'", "'out2'", "'patr'", "'langauges'"):
        assert words in errors


def test_drafts_of_any_kind_are_checked_without_falling_over(folder: Path) -> None:
    text = (folder / "hotline.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    for number in range(len(lines)):
        (folder / "hotline.yaml").write_text(
            "\n".join(lines[:number] + lines[number + 1 :]), encoding="utf-8"
        )
        findings(folder)
    for number in range(0, len(text), 7):
        (folder / "hotline.yaml").write_text(text[:number] + text[number + 3 :], encoding="utf-8")
        findings(folder)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no flow"):
        load_flows(tmp_path)
