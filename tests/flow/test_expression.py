"""Expressions: checked when loaded, harmless when evaluated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrouter.flow.expression import Checker, EvaluationError, ExpressionError, Pattern, UnknownName

NAMES = {"text": "string", "count": "int", "rate": "double", "yes": "bool", "tags": "list", "answer": "any"}
VALUES = {
    "text": "097112345",
    "count": 5,
    "rate": 1.5,
    "yes": True,
    "tags": ["a"],
    "answer": {"state": "done", "n": 3},
}


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker(NAMES)


@pytest.mark.parametrize(
    ("source", "kind", "value"),
    [
        ("text", "string", "097112345"),
        ("count", "int", 5),
        ("count > 3 && yes", "bool", True),
        ("text.substring(4)", "string", "12345"),
        ('text.matches("^0971")', "bool", True),
        ("rate * 2.0", "double", 3.0),
        ("size(tags)", "int", 1),
        ('"a" in tags', "bool", True),
        ('answer.state == "done" ? "yes" : "no"', "string", "yes"),
        ("answer.n + 1", "int", 4),
        ('has(answer.x) ? answer.x : ""', "any", ""),
        ("string(count)", "string", "5"),
        ("int(text)", "int", 97112345),
    ],
)
def test_values_and_types(checker: Checker, source: str, kind: str, value: object) -> None:
    expression = checker.compile(source)
    assert expression.kind == kind
    assert expression.evaluate(VALUES) == value


@pytest.mark.parametrize(
    ("source", "words", "column"),
    [
        ("count = 3", "use == to compare", 7),
        ("count + yes", "does not work on", 7),
        ("", "mismatched input", 1),
        ("count +", "mismatched input", 8),
        ("1 +* 2", "extraneous input", 4),
        ("x" * 3000, "longer than", 1),
        ("(" * 400 + "1" + ")" * 400, "limit", 1),
    ],
)
def test_what_does_not_compile(checker: Checker, source: str, words: str, column: int) -> None:
    with pytest.raises(ExpressionError, match=words) as caught:
        checker.compile(source)
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("count > 3 and yes", "Write && for and"),
        ("count > 3 OR yes", "Write || for OR"),
        ("text == “x”", 'Write " for “'),
        ('count == "5"', "of one kind"),
        ("count is 5", "Write == for is"),
        ("(count > 3", ""),
    ],
)
def test_what_to_write_instead(checker: Checker, source: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        checker.compile(source)
    assert hint in caught.value.hint
    assert bool(hint) == bool(caught.value.hint)


def test_unknown_names(checker: Checker) -> None:
    with pytest.raises(UnknownName) as caught:
        checker.compile("coutn > 1")
    assert caught.value.name == "coutn"


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("count / 0", VALUES),
        ("answer.gone", VALUES),
        ('answer["gone"]', VALUES),
        ("int(text)", VALUES | {"text": "x"}),
        ("text", VALUES | {"text": 5}),
        ("text", {}),
        ("answer.state", VALUES | {"answer": None}),
        ("answer.state", VALUES | {"answer": object()}),
        ("tags[7]", VALUES),
        ("tags.map(a, tags.map(b, tags.map(c, tags.map(d, a))))", VALUES | {"tags": ["x"] * 60}),
    ],
)
def test_what_cannot_be_evaluated(checker: Checker, source: str, values: dict[str, object]) -> None:
    with pytest.raises(EvaluationError):
        checker.compile(source).evaluate(values)


@given(st.text(max_size=40) | st.text("counyes+-*/<>=&|!?:().[]\"' 123", max_size=40))
def test_any_text_compiles_or_is_refused(source: str) -> None:
    checker = Checker(NAMES)
    told = "fine"
    try:
        checker.compile(source).evaluate(VALUES)
    except (ExpressionError, EvaluationError) as error:
        told = str(error)
    assert told


def test_patterns_match_whole_texts_in_linear_time() -> None:
    assert Pattern("[0-9]{5}").matches("12345")
    assert not Pattern("[0-9]{5}").matches("123456")
    assert Pattern("").matches("")
    assert not Pattern("(a+)+b").matches("a" * 5000)
    assert Pattern(r'"|\d').matches("7")
    with pytest.raises(ExpressionError):
        Pattern("[0-9")
