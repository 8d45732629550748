"""What libyaml complains about, in the words of whoever has just typed it.

The library names the place where it could not go on; the slip is often a line or
more above. So its complaint is first held against the slips that people really
make: signs of a Chinese input method, a quotation mark left open, a merge left
half done, `*` and `#` without quotes, indentation.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from yaml.error import Mark, MarkedYAMLError

from callrouter.config.faults import Fault

WIDE: Final = {
    "：": ":", "，": ",", "；": ";", "“": '"', "”": '"', "‘": "'", "’": "'", "｛": "{", "｝": "}",
    "［": "[", "］": "]", "【": "[", "】": "]", "（": "(", "）": ")", "＃": "#", "＊": "*", "－": "-",
    "＆": "&", "！": "!", "＝": "=", "＜": "<", "＞": ">", "｜": "|",
}  # fmt: skip
"""Signs of a Chinese input method, and what the machine wants instead."""

_WIDE_IN_PLACE: Final = re.compile(
    r"""^\s*(?:-\s+)?[\w.-]+\s*(：)                      # key：value
      | [{,\[]\s*[\w.*#-]+\s*(：)                        # {key：value
      | [{\[][^#]*?[A-Za-z0-9_"'\]}]\s*(，)              # {a: b，c
      | (?:[:\[,{]|^\s*-)\s*([“”‘’｛［【＃＊＆])          # key: “value”
      | ^\s*(－)\s                                       # － item
    """,
    re.VERBOSE,
)
_WIDE_SPACES: Final = frozenset("\u3000\u00a0\u2002\u2003")
_WIDE_SPACE: Final = re.compile("^[ ]*([\u3000\u00a0\u2002-\u200a])")
_OPENS_QUOTE: Final = re.compile(r"""(?:^\s*|[:\[,{]\s+|[\[{,]|-\s+)(["'])""")
_HASH: Final = re.compile(r"[{\[,\s](#)")
_QUOTED: Final = {'"': re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL), "'": re.compile(r"'(?:[^']|'')*'")}
_AFTER_QUOTES: Final = re.compile(r"\s*(?:[,:}\]].*|\#.*)?(?:\n|$)")
_MAY_BE_QUOTES: Final = (
    "did not find expected",
    "mapping values are not allowed",
    "could not find expected",
    "end of stream",
    "cannot start any token",
)
_OWN_KEY: Final = re.compile(r"^\s*(?:-\s+)?[\w.\"'*#-]+\s*:(?:\s|$)")

Slip = tuple[int, int, str, str]
"""(line and column from 0, what is wrong, what to do)."""

_SYNTAX: Final[tuple[tuple[str, str, str], ...]] = (
    ("mapping values are not allowed", "a second ': ' on one line",
     "Put the text in quotes, or start a new line"),
    ("undefined alias", "this alias (*name) has no anchor (&name) before it",
     "Text that begins with * needs quotes"),
    ("expected <block end>", "the indentation does not fit the lines above",
     "Align the key with its neighbours"),
    ("could not find expected ':'", "a key without ': '", "Write `key: value` with a space after the colon"),
    ("expected ',' or ']'", "a list [ … ] is not closed, or lacks a comma", "Add the missing , or ]"),
    ("expected ',' or '}'", "a mapping { … } is not closed, or lacks a comma", "Add the missing , or }"),
    ("unexpected end of stream", "the text in quotes never ends", "Add the closing quote"),
    ("another document", "a second document begins here", "Remove its three dashes: one file, one document"),
    ("duplicate anchor", "this anchor (&name) is given twice", "Choose another name"),
    ("unknown escape character", "an unknown escape in double quotes", "Use single quotes for backslashes"),
)  # fmt: skip


_WHERE_IT_BEGINS: Final = (
    "could not find expected ':'",
    "expected ',' or ']'",
    "expected ',' or '}'",
    "unexpected end of stream",
)


def wide_hint(text: str) -> str:
    """What to write instead of the text's full-width signs; ``""`` when it has none."""
    found = [sign for sign in dict.fromkeys(text) if sign in WIDE]
    if not found:
        return "Use plain spaces" if _WIDE_SPACES & set(text) else ""
    instead = ", ".join(f"{WIDE[sign]} for {sign}" for sign in found[:3])
    return f"Write {instead} (switch the input method off)"


def syntax_fault(error: MarkedYAMLError, text: str, name: str) -> Fault:
    """The fault behind a complaint of libyaml."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = text.split("\n")
    found = _slip(error, lines, line, column) or _plain(error, lines, line, column)
    return Fault(name, found[0] + 1, found[1] + 1, found[2], found[3])


def _slip(error: MarkedYAMLError, lines: Sequence[str], line: int, column: int) -> Slip | None:
    problem, context = str(error.problem or ""), error.context_mark
    for look in _LOOKS:
        found = look(problem, context, lines, line, column)
        if found is not None:
            return found
    return None


def _plain(error: MarkedYAMLError, lines: Sequence[str], line: int, column: int) -> Slip:
    problem, context = str(error.problem or error), error.context_mark
    row = lines[line] if line < len(lines) else ""
    if "cannot start any token" in problem:
        sign = row[column : column + 1]
        if sign == "\t":
            return line, column, "a tab is used for indentation", "Use spaces"
        return line, column, f"a value cannot begin with {sign!r}", "Put it in quotes"
    for part, message, hint in _SYNTAX:
        if part in problem:
            if context is not None and part in _WHERE_IT_BEGINS:
                line, column = context.line, context.column
            return line, column, message, hint
    return (
        line,
        column,
        f"not valid YAML: {problem}",
        "Compare the line and the one above with their neighbours",
    )


def _conflict(
    problem: str, context: Mark | None, lines: Sequence[str], line: int, column: int
) -> Slip | None:
    for number, row in enumerate(lines):
        if row.startswith(("<<<<<<< ", ">>>>>>> ")):
            hint = "Keep one side, and remove the lines <<<<<<<, ======= and >>>>>>>"
            return number, 0, "a merge of two versions was left half done", hint
    return None


def _wide(problem: str, context: Mark | None, lines: Sequence[str], line: int, column: int) -> Slip | None:
    for number, row in enumerate(lines[: line + 1]):
        if space := _WIDE_SPACE.match(row):
            message = f"the line is indented with a sign that is no plain space (U+{ord(space[1]):04X})"
            return number, space.start(1), message, "Use spaces"
    for number in _nearby(lines, line, context):
        row = lines[number].partition(" #")[0]
        if found := _WIDE_IN_PLACE.search(row):
            at = next(group for group in range(1, 6) if found[group])
            message = f"a full-width {found[at]} where YAML needs {WIDE[found[at]]}"
            return number, found.start(at), message, wide_hint(found[at])
    return None


def _nearby(lines: Sequence[str], line: int, context: Mark | None) -> Iterator[int]:
    """The line complained of, the one above, and where the part around it begins."""
    wanted = [line, line - 1, *([context.line] if context is not None else [])]
    yield from (number for number in dict.fromkeys(wanted) if 0 <= number < len(lines))


def _quote(problem: str, context: Mark | None, lines: Sequence[str], line: int, column: int) -> Slip | None:
    row = lines[line] if line < len(lines) else ""
    before, after = row[:column], row[column : column + 1]
    sign = before.rstrip()[-1:]
    closed = sign in ("'", '"') and before.count(sign) % 2 == 0
    if "did not find expected" in problem and closed and after.isalnum():
        inside = "two '' for one" if sign == "'" else '\\" for one'
        hint = f"Write {inside} inside the text, or take the other kind of quotation mark around it"
        return line, column, "the text goes on after its closing quotation mark", hint
    if not any(part in problem for part in _MAY_BE_QUOTES):
        return None
    for number, other in enumerate(lines[: line + 1]):
        opened = _left_open(other)
        if opened is not None and not _closes_below("\n".join(lines[number : line + 1])[opened:]):
            missed = f" (it was missed on line {line + 1})" if number < line else ""
            hint = f"Add the closing {other[opened]}{missed}"
            return number, opened, "the text in quotes never ends", hint
    return None


def _left_open(row: str) -> int | None:
    """Where a quotation begins that this line does not close."""
    at = 0
    while found := _OPENS_QUOTE.search(row, at):
        begin = found.start(1)
        if _HASH.search(row[at:begin]):
            return None
        closed = _QUOTED[found[1]].match(row, begin)
        if closed is None:
            return begin
        at = closed.end()
    return None


def _closes_below(text: str) -> bool:
    """Whether a quotation over several lines ends as one does: nothing but commas and brackets follow."""
    closed = _QUOTED[text[0]].match(text)
    return closed is not None and _AFTER_QUOTES.match(text, closed.end()) is not None


def _star(problem: str, context: Mark | None, lines: Sequence[str], line: int, column: int) -> Slip | None:
    if "alphabetic or numeric character" not in problem or context is None:
        return None
    sign = lines[context.line][context.column : context.column + 1]
    kind = "alias" if sign == "*" else "anchor"
    return context.line, context.column, f"{sign} begins an {kind} here", f'Put it in quotes: "{sign}"'


def _hash(problem: str, context: Mark | None, lines: Sequence[str], line: int, column: int) -> Slip | None:
    if "expected ',' or" not in problem or context is None:
        return None
    found = _HASH.search(lines[context.line], context.column)
    if found is None:
        return None
    message = "all that follows # is a remark, so the bracket before it is never closed"
    return context.line, found.start(1), message, 'Put it in quotes if it is the key: "#"'


def _indent(problem: str, context: Mark | None, lines: Sequence[str], line: int, column: int) -> Slip | None:
    row = lines[line] if line < len(lines) else ""
    if "did not find expected key" in problem and row[:column].strip() == "" and context is not None:
        hint = f"Align it with its neighbours; the part it would belong to begins on line {context.line + 1}"
        return line, column, "the indentation does not fit the lines above", hint
    if "mapping values are not allowed" in problem and _OWN_KEY.match(row) and row[:column].count(": ") == 0:
        hint = "Align it with its neighbours, or leave nothing after the colon of the line above"
        return line, len(row) - len(row.lstrip()), "this line is indented too far for the one above", hint
    return None


_LOOKS: Final[
    tuple[Callable[[str, Mark | None, Sequence[str], int, int], Slip | None], ...]
] = (_conflict, _wide, _quote, _star, _hash, _indent)  # fmt: skip
