"""Reading YAML: typing, positions, and what hostile files get for an answer."""

import time
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from callrouter.config.document import ConfigError, Fault, parse, read_document


def only_fault(text: str) -> Fault:
    with pytest.raises(ConfigError) as caught:
        read_document(text, "f.yaml")
    assert len(caught.value.faults) == 1, caught.value
    return caught.value.faults[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("true", True), ("False", False),
        ("18:30", "18:30"), ("1:2:3", "1:2:3"), ("0971", "0971"), ("010", "010"), ("0o17", 15),
        ("0x1F", 31), ("0", 0), ("-3", -3), ("+8697112345", "+8697112345"), ("12345", 12345),
        ("1.10", 1.1), ("1e3", 1000.0), (".5", 0.5), ("1e999", "1e999"), ("1_000", "1_000"),
        ("2027-02-17", "2027-02-17"), ("~", None), ("null", None), ("", None), ("'12'", "12"),
        ('"true"', "true"), ("9" * 5000, "9" * 5000), ("1.2.3", "1.2.3"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    root = read_document(f"a: {text}").root
    assert root == {"a": value}
    assert isinstance(root, dict)
    assert type(root["a"]) is type(value)


def test_keys_are_text() -> None:
    assert read_document("0: a\n'*': b\non: c\n0971: d").root == {"0": "a", "*": "b", "on": "c", "0971": "d"}


def test_positions() -> None:
    document = read_document("a:\n  - x\n  - b: 1\n    c: 二 \n")
    assert document.position(["a", 1, "c"]) == (4, 8)
    assert document.position(["a", 1, "c"], key=True) == (4, 5)
    assert document.position(["a", 1, "gone"]) == (3, 5)
    assert document.position([]) == (1, 1)


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\na: 2", 2, 1, "given twice"),
        ("a:\n\tb: 1", 2, 1, "a tab"),
        ("a: &x [*x]", 1, 4, "contains itself"),
        ("a: &x {b: *x}", 1, 4, "contains itself"),
        ("a: *gone", 1, 4, "no anchor"),
        ("a: b: c", 1, 5, "second ': '"),
        ("a: @b", 1, 4, "cannot begin with '@'"),
        ("a: [1", 1, 4, "not closed"),
        ("a: 'x\n", 1, 4, "never ends"),
        ("a: 1\n---\nb: 2", 2, 1, "second document"),
        ("a: !!python/object:os.system x", 1, 4, "tag"),
        ("a: !secret x", 1, 4, "tag"),
        ("a: &b [1]\nd:\n  <<: *b", 1, 4, "merged"),
        ("a: &b\n  <<: *b", 1, 4, "contains itself"),
        ("? [a]\n: 1", 1, 3, "a key must be a word"),
        ("a: \x00", 1, 4, "control character"),
        ("a: 1\n \x1b[2J: 2", 2, 2, "control character"),
        ("[" * 100_000, 1, 48, "levels deep"),
        ("- " * 100_000, 1, 95, "levels deep"),
        ("a: 1\n b: 2", 2, 2, "indented too far"),
    ],
)
def test_bad_syntax_says_where_and_what(text: str, line: int, column: int, words: str) -> None:
    fault = only_fault(text)
    assert (fault.line, fault.column) == (line, column)
    assert words in fault.message
    assert str(fault).startswith(f"f.yaml:{line}:{column}: ")


def test_all_duplicate_keys_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_document("a: 1\na: 2\nb: {c: 1, c: 2}")
    assert [fault.line for fault in caught.value.faults] == [2, 3]


def test_alias_bomb_ends_quickly() -> None:
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    began = time.thread_time()
    assert "aliases" in only_fault("\n".join(layers)).message
    assert time.thread_time() - began < 2


def test_aliases_are_fine() -> None:
    assert read_document("a: &x [1, 2]\nb: *x").root == {"a": [1, 2], "b": [1, 2]}


def test_merge_keys() -> None:
    document = read_document("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: {<<: [*x, {f: 4}]}")
    assert document.root == {"a": {"b": 1, "c": 2}, "d": {"c": 3, "b": 1}, "e": {"b": 1, "c": 2, "f": 4}}
    assert document.position(["d", "b"]) == (1, 11)
    assert document.position(["d", "c"]) == (2, 16)


def test_files(tmp_path: Path) -> None:
    def fault_of(data: bytes) -> Fault:
        path = tmp_path / "f.yaml"
        path.write_bytes(data)
        with pytest.raises(ConfigError) as caught:
            read_document(path, "f.yaml")
        return caught.value.faults[0]

    assert "MB" in fault_of(b"a: 1\n" * 2_000_001).message
    assert "UTF-8" in fault_of("a: 1\nb: 青海".encode("gbk")).message
    assert fault_of("a: 1\nb: 青海".encode("gbk")).line == 2
    assert "UTF-8" in fault_of("a: 1".encode("utf-16")).message
    bom = tmp_path / "bom.yaml"
    bom.write_bytes("\ufeffa: 好".encode())
    assert read_document(bom).root == {"a": "好"}
    with pytest.raises(ConfigError, match="cannot be read"):
        read_document(tmp_path / "gone.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_document(tmp_path)


@given(st.text(max_size=60) | st.text("ab:-[]{}&*!'\" \n\t#|>%?,", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    faults: tuple[Fault, ...] | None = None
    try:
        read_document(text)
    except ConfigError as error:
        faults = error.faults
    assert faults is None or (faults and all(fault.line >= 1 for fault in faults))


def test_4000_lines_in_40_ms() -> None:
    text = "nodes:\n" + "".join(
        f"  n{i}:\n    play: welcome\n    next: n{i + 1}\n    try: 3\n" for i in range(1000)
    )
    times = []
    for _ in range(10):
        began = time.thread_time()  # the processor's time: a busy machine is not the reader's doing
        read_document(text)
        times.append(time.thread_time() - began)
    assert min(times) <= 0.040


class Hours(BaseModel):
    opens: str
    day: date | None = None


class Line(BaseModel):
    number: str
    mode: Literal["FULL_MERGE", "DUAL_NUMBER"] = "DUAL_NUMBER"
    capacity: int = Field(default=1, ge=1)
    hours: dict[str, Hours] = {}
    media: str | list[str] = ""


class Site(BaseModel):
    lines: list[Line]
    version: str = ""


def faults_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(read_document(text, "s.yaml"), Site)
    return [str(fault) for fault in caught.value.faults]


def test_numbers_meant_as_text_stay_as_written() -> None:
    site = parse(read_document("version: 1.10\nlines: [{number: 12345, media: 12}, {number: 0971}]"), Site)
    assert [line.number for line in site.lines] == ["12345", "0971"]
    assert (site.version, site.lines[0].media) == ("1.10", "12")


def test_unknown_key_names_the_nearest() -> None:
    text = "lines:\n  - number: '1'\n    hours:\n      mon: {opens: 08:00}\n    capcity: 3\n"
    assert faults_of(text) == ["s.yaml:5:5: unknown key 'capcity'. Did you mean 'capacity'?"]


def test_all_faults_at_once_in_file_order() -> None:
    text = (
        "lines:\n  - number: true\n    mode: FULL_MERG\n    capacity: 0\n"
        "    hours: {mon: {open: 08:00}}\n    media: [1, {}]\nversoin: 2\n"
    )
    assert faults_of(text) == [
        "s.yaml:2:13: 'number' must be text, not true. Put it in quotes if it is meant as text",
        "s.yaml:3:11: 'mode' cannot be 'FULL_MERG'. Did you mean 'FULL_MERGE'?",
        "s.yaml:4:15: 'capacity' must be at least 1, not 0",
        "s.yaml:5:13: 'opens' is missing. Add `opens:`",
        "s.yaml:5:19: unknown key 'open'. Did you mean 'opens'?",
        "s.yaml:6:16: item 2 of 'media' must be text, not a mapping",
        "s.yaml:7:1: unknown key 'versoin'. Did you mean 'version'?",
    ]


@pytest.mark.parametrize("text", ["", "- 1", "hello", "lines: {a: 1}", "lines:"])
def test_wrong_shapes(text: str) -> None:
    assert faults_of(text)


def test_a_list_whose_only_entry_is_wrong_is_not_called_empty_besides() -> None:
    class Lines(BaseModel):
        lines: Annotated[tuple[Line, ...], Field(min_length=1)]

    with pytest.raises(ConfigError) as wrong:
        parse(read_document("lines:\n  - {number: 6, mode: x}", "s.yaml"), Lines)
    assert len(wrong.value.faults) == 1
    with pytest.raises(ConfigError, match="at least 1"):
        parse(read_document("lines: []", "s.yaml"), Lines)


def test_part_of_a_document() -> None:
    document = read_document("a:\n  - {number: 5}\n  - {number: 6, mode: x}", "s.yaml")
    assert parse(document, Line, ["a", 0]).number == "5"
    with pytest.raises(ConfigError, match=r"s\.yaml:3:23"):
        parse(document, Line, ["a", 1])
