"""Slips that people make, and where they are told that they made them."""

import pytest
from pydantic import BaseModel

from callrouter.config.document import ConfigError, Fault, parse, read_document


def fault_of(text: str) -> Fault:
    with pytest.raises(ConfigError) as caught:
        read_document(text, "f.yaml")
    (fault,) = caught.value.faults
    return fault


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        # signs of a Chinese input method
        ("a:\n  hours：{b: c, d: e}\n", 2, 8, "a full-width ：", "Write : for ："),
        ("a: {b: c，d: e}\n", 1, 9, "a full-width ，", "Write , for ，"),
        ("a:\n  b: “c: d”\n", 2, 6, "a full-width “", 'Write " for “'),
        ("a: 1\nb: ｛c: 1｝: 2\n", 2, 4, "a full-width ｛", "Write { for ｛"),
        ("a:\n\u3000  b: 1\n  c: 2\n d: 3\n", 2, 1, "no plain space (U+3000)", "Use spaces"),
        ("a:\n    b: 1\n\u00a0 c: 2\n  d: 3\n", 3, 1, "no plain space (U+00A0)", "Use spaces"),
        # quotation marks
        ('a: "x\nb: "y"\nc: z\n', 1, 4, "never ends", 'Add the closing " (it was missed on line 2)'),
        ("a: 'it's'\n", 1, 8, "goes on after its closing", "two '' for one"),
        ('a: "say "hello""\n', 1, 10, "goes on after its closing", '\\\\" for one'.replace("\\\\", "\\")),
        # signs that mean something else to YAML
        ("a: *\n", 1, 4, "* begins an alias", '"*"'),
        ("a: {*: b}\n", 1, 5, "* begins an alias", '"*"'),
        ("a: {1: b, #: c}\nd: e\n", 1, 11, "all that follows # is a remark", '"#"'),
        # half-done work
        ("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n", 1, 1, "half done", "Keep one side"),
        # indentation
        ("a:\n    b: 1\n  c: 2\nd: 3\n", 3, 3, "does not fit the lines above", "begins on line 1"),
        ("a:\n  b: 1\n    c: 2\n", 3, 5, "indented too far", "Align it"),
        ("a: 1\nb:2\nc: 3\n", 2, 1, "a key without ': '", "a space after the colon"),
        ("a: {b: 1\nc: 2\n", 1, 4, "is not closed", "Add the missing"),
    ],
)
def test_the_slip_itself_is_named(text: str, line: int, column: int, message: str, hint: str) -> None:
    fault = fault_of(text)
    assert (fault.line, fault.column) == (line, column), fault
    assert message in fault.message
    assert hint in fault.hint


@pytest.mark.parametrize(
    "text",
    [
        'a: "first\n  second"\nb:\n    c: 1\n  d: 2\n',
        "a: 'first\n  second'   # a remark\nb:\n    c: 1\n  d: 2\n",
        "a: 全省，人工优先：您好“x”\nb:\n    c: 1\n  d: 2\n",
    ],
)
def test_what_is_no_slip_is_not_blamed(text: str) -> None:
    assert "does not fit the lines above" in fault_of(text).message


def test_whatever_is_not_known_still_has_its_place() -> None:
    fault = fault_of("a: %x\n")
    assert (fault.line, fault.column) == (1, 4)


class Model(BaseModel):
    key: str = "x"
    wait: float = 5
    names: list[str] = []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("key：b: 1", "Write : for ："),
        ("\u00a0 key: 1", "Use plain spaces"),
        ("names: ｛a｝", "Write { for ｛"),
        ("names: a, b", "Put it in brackets: [a, b]"),
        ("wait: 5s", "Leave the unit out: 5"),
        ("wait: 5秒", "Leave the unit out: 5"),
        ("key: [b]", "Leave the brackets out: b"),
        ("key:", "Add what belongs there"),
        ("", "the file is empty"),
    ],
)
def test_values_that_were_meant_otherwise(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"f\.yaml:1:") as caught:
        parse(read_document(text, "f.yaml"), Model)
    (fault,) = caught.value.faults
    assert words in f"{fault.message}. {fault.hint}"
