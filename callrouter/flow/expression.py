"""CEL expressions: names and types checked when a flow is loaded, evaluated without side effects.

The Common Expression Language (https://cel.dev) cannot loop for ever: Google's
evaluator stops at an iteration budget. Only this module knows the library.
"""

import functools
import json
import re
from collections.abc import Mapping
from typing import Final

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings

from callrouter.config.syntax import wide_hint

MAX_LENGTH: Final = 2_000

TYPES: Final[Mapping[str, cel.Type]] = {
    "string": cel.Type.STRING,
    "int": cel.Type.INT,
    "double": cel.Type.DOUBLE,
    "bool": cel.Type.BOOL,
    "list": cel.Type.List(cel.Type.DYN),
    "map": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "any": cel.Type.DYN,
}
DEFAULTS: Final[Mapping[str, object]] = {
    "string": "", "int": 0, "double": 0.0, "bool": False, "list": [], "map": {}, "any": None,
}  # fmt: skip
_PYTHON: Final[Mapping[str, type]] = {
    "string": str, "int": int, "double": float, "bool": bool, "list": list, "map": dict,
}  # fmt: skip
_PLACE: Final = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")


class ExpressionError(Exception):
    """An expression that does not compile; `column` is its place in the text, from 1."""

    def __init__(self, message: str, column: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.column = column
        self.hint = hint
        """What to write instead, if that can be told."""


class EvaluationError(Exception):
    """An expression that could not be evaluated with the values at hand."""


class Expression:
    """A checked expression. `kind` is one of `TYPES`' names."""

    __slots__ = ("_name", "_run", "_wanted", "kind", "source")

    def __init__(self, source: str, compiled: cel.Expression, kind: str, name: str = "") -> None:
        """`name` is given when the expression is nothing but that variable."""
        self.source = source
        self.kind = kind
        self._run = compiled.eval
        self._wanted = _PYTHON.get(kind)
        self._name = name

    def evaluate(self, values: Mapping[str, object]) -> object:
        """The plain value. Raises EvaluationError, never anything else."""
        if self._name and type(value := values.get(self._name)) is self._wanted:
            return value
        try:
            result = self._run(data=values)
            value = result.plain_value()
        except (RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise EvaluationError(f"{self.source}: {_first_line(error)}") from error
        if type(value) is self._wanted is not str:
            return value
        # The library hands an error over as its text: only the result's type tells it from a string.
        if result.type() == cel.Type.ERROR or (self._wanted is not None and type(value) is not self._wanted):
            raise EvaluationError(f"{self.source}: {_first_line(value)}")
        return value


class Checker:
    """Compiles expressions over declared names (`names` maps each to a type of `TYPES`)."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = dict(names)
        self._environment = _environment(tuple(sorted(names.items())))
        self._compiled: dict[str, Expression] = {}

    def compile(self, source: str) -> Expression:
        """Raises ExpressionError: syntax, unknown name, or types that don't fit."""
        if source not in self._compiled:
            self._compiled[source] = self._compile(source)
        return self._compiled[source]

    def _compile(self, source: str) -> Expression:
        if len(source) > MAX_LENGTH:
            raise ExpressionError(f"longer than {MAX_LENGTH} characters")
        try:
            compiled = self._environment.compile(source)
        except RuntimeError as error:
            raise _explained(str(error)) from None
        name = source if source in self.names else ""
        return Expression(source, compiled, _kind(compiled.return_type()), name)


class Pattern:
    """A regular expression that a whole text must match, in RE2's syntax: linear time, whatever the text.

    Raises ExpressionError on construction when it is not valid.
    """

    def __init__(self, source: str) -> None:
        quoted = json.dumps(f"^(?:{source})$", ensure_ascii=False)
        self._expression = Checker({"text": "string"}).compile(f"text.matches({quoted})")
        try:
            self._expression.evaluate({"text": ""})
        except EvaluationError as error:
            raise ExpressionError(str(error).rpartition("expression: ")[2]) from None

    def matches(self, text: str) -> bool:
        return self._expression.evaluate({"text": text}) is True


@functools.lru_cache(maxsize=1024)
def pattern(source: str) -> Pattern:
    """A `Pattern`, made once."""
    return Pattern(source)


def fits(kind: str, wanted: str) -> bool:
    """Whether a value of type `kind` may be given where `wanted` is declared; ``any`` is seen at run time."""
    return kind == wanted or "any" in (kind, wanted)


@functools.lru_cache(maxsize=512)
def _environment(names: tuple[tuple[str, str], ...]) -> cel.Env:
    declared = {name: TYPES[kind] for name, kind in names}
    return cel.NewEnv(variables=declared, extensions=[ext_strings.ExtStrings()])


def _kind(kind: cel.Type) -> str:
    name = kind.name()
    for word in ("list", "map"):
        if name.lower().startswith(word):
            return word
    plain = {"STRING": "string", "INT": "int", "UINT": "int", "DOUBLE": "double", "BOOL": "bool"}
    return plain.get(name, "any")


def _explained(text: str) -> ExpressionError:
    found = _PLACE.search(text)
    if not found:
        return ExpressionError(text.split("[")[0].strip().lower() or "not a valid expression")
    column, problem = int(found[2]), found[3].strip()
    if name := re.search(r"undeclared reference to '(\w+)'", problem):
        return UnknownName(name[1], column)
    if overload := re.search(r"no matching overload for '(\S+)' applied to '\((.*)\)'", problem):
        operator = overload[1].strip("_").replace("_", " ").strip() or overload[1]
        return ExpressionError(f"{operator!r} does not work on ({overload[2]})", column, _ONE_KIND)
    if "token recognition error at: '= '" in problem:
        return ExpressionError("use == to compare", column)
    plain = problem.removeprefix("Syntax error: ").split(" expecting ")[0].replace("'<EOF>'", "the end")
    return ExpressionError(plain, column, _instead(plain))


_ONE_KIND: Final = 'Both sides must be of one kind: 8, not "8"; int(…) and string(…) convert'
_WORDS: Final = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "is": "==",
    "equals": "==",
    "none": "null",
    "nil": "null",
}


def _instead(problem: str) -> str:
    """The sign to write for a word that other languages have."""
    found = re.search(r"(?:input|at:|at) '(.+)'", problem)
    if found is None:
        return ""
    word = found[1].strip()
    if sign := _WORDS.get(word.lower()):
        return f"Write {sign} for {word}"
    return wide_hint(word)


class UnknownName(ExpressionError):
    """A name that is not declared."""

    def __init__(self, name: str, column: int) -> None:
        super().__init__(f"unknown name {name!r}", column)
        self.name = name


def _first_line(problem: object) -> str:
    return str(problem).splitlines()[0][:200] if str(problem) else "failed"
