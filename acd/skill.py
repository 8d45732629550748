"""What a call asks of a seat, and how the demand softens while the caller waits.

Grammar (a *skill expression*)::

    expression = term  *( "|" term )
    term       = factor *( "&" factor )
    factor     = "!" factor | "(" expression ")" | name [ ">=" level ]

``zh``            any level of the skill ``zh``
``bo-kham>=3``    level 3 or better
``(bo-kham>=2 | bo-amdo>=3) & legal``
``""``            no demand: every seat of the queue will do

A missing skill has level 0. A *relaxation* rewrites an expression into a weaker
one: whoever satisfied the old one satisfies the new one (`relax` can only turn a
leaf into a lower one or into "anyone"), so a seat never loses a caller by it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from sys import intern
from typing import Final

MAX_LEVEL: Final = 10
MAX_LENGTH: Final = 500
MAX_DEPTH: Final = 20

_TOKEN: Final = re.compile(r"\s*(?:(?P<name>[^\W\d][\w-]*)|(?P<level>\d+)|(?P<sign>>=|[&|!()]))")


class SkillError(ValueError):
    """The expression cannot be read; `column` counts from 1."""

    def __init__(self, text: str, column: int) -> None:
        super().__init__(f"{text} (column {column})")
        self.column = column


@dataclass(frozen=True, slots=True)
class Anyone:
    """No demand."""


@dataclass(frozen=True, slots=True)
class Has:
    name: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: "tuple[Demand, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: "tuple[Demand, ...]"


@dataclass(frozen=True, slots=True)
class Without:
    part: "Demand"


Demand = Anyone | Has | AllOf | AnyOf | Without

ANYONE: Final = Anyone()


@lru_cache(maxsize=4096)
def parse(source: str) -> Demand:
    """Read an expression.

    Raises `SkillError` when it is too long, too deeply nested or malformed.
    """
    if len(source) > MAX_LENGTH:
        raise SkillError(f"skill expression longer than {MAX_LENGTH} characters: shorten it", MAX_LENGTH)
    if not source.strip():
        return ANYONE
    return _Reader(source).whole()


@lru_cache(maxsize=4096)
def canonical(source: str) -> tuple[Demand, str]:
    """The demand and its canonical text, both shared by all who ask for the same. Raises `SkillError`."""
    demand = parse(source)
    return demand, intern(render(demand))


class _Reader:
    """Recursive descent over the tokens of one source."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.kind, self.text, self.column = "", "", 1
        self.advance()

    def advance(self) -> None:
        rest = self.source[self.at :]
        if not rest.strip():
            self.kind, self.text, self.column = "end", "", len(self.source) + 1
            return
        match = _TOKEN.match(self.source, self.at)
        if match is None:
            column = self.at + len(rest) - len(rest.lstrip()) + 1
            raise SkillError(f"unexpected {self.source[column - 1]!r}", column)
        self.kind = match.lastgroup or ""
        self.text = match[self.kind]
        self.column = match.start(self.kind) + 1
        self.at = match.end()

    def take(self, sign: str) -> bool:
        if self.kind == "sign" and self.text == sign:
            self.advance()
            return True
        return False

    def whole(self) -> Demand:
        demand = self.any_of(0)
        if self.kind != "end":
            raise SkillError(f"unexpected {self.text!r}: expected '&', '|' or the end", self.column)
        return demand

    def any_of(self, depth: int) -> Demand:
        parts = [self.all_of(depth)]
        while self.take("|"):
            parts.append(self.all_of(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def all_of(self, depth: int) -> Demand:
        parts = [self.factor(depth)]
        while self.take("&"):
            parts.append(self.factor(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def factor(self, depth: int) -> Demand:
        if depth > MAX_DEPTH:
            raise SkillError(f"nested deeper than {MAX_DEPTH}: simplify it", self.column)
        if self.take("!"):
            return Without(self.factor(depth + 1))
        if self.take("("):
            demand = self.any_of(depth + 1)
            if not self.take(")"):
                raise SkillError("missing ')'", self.column)
            return demand
        if self.kind != "name":
            raise SkillError(f"expected a skill's name, found {self.text or 'the end'!r}", self.column)
        name = self.text
        self.advance()
        return Has(name, self.level() if self.take(">=") else 1)

    def level(self) -> int:
        if self.kind != "level" or len(self.text) > 2 or not 1 <= int(self.text) <= MAX_LEVEL:
            raise SkillError(f"a level is a number from 1 to {MAX_LEVEL}", self.column)
        level = int(self.text)
        self.advance()
        return level


def satisfied(demand: Demand, levels: Mapping[str, int]) -> bool:
    """Do these proficiency levels meet the demand?"""
    match demand:
        case Has(name, level):
            return levels.get(name, 0) >= level
        case AllOf(parts):
            return all(satisfied(part, levels) for part in parts)
        case AnyOf(parts):
            return any(satisfied(part, levels) for part in parts)
        case Without(part):
            return not satisfied(part, levels)
        case _:
            return True


def relax(demand: Demand, *, drop: frozenset[str] = frozenset(), lower: int = 0) -> Demand:
    """The weaker demand: skills in `drop` no longer asked for, levels less by `lower` (not under 1)."""
    match demand:
        case Has(name, level):
            return ANYONE if name in drop else Has(name, max(1, level - lower))
        case AllOf(parts):
            kept = tuple(p for p in (relax(part, drop=drop, lower=lower) for part in parts) if p != ANYONE)
            return ANYONE if not kept else kept[0] if len(kept) == 1 else AllOf(kept)
        case AnyOf(parts):
            weaker = tuple(relax(part, drop=drop, lower=lower) for part in parts)
            return ANYONE if ANYONE in weaker else AnyOf(weaker)
        case Without(part):
            # An exclusion ends when its skill is dropped; lowering a level would make it stricter.
            return ANYONE if drop.intersection(names(part)) else demand
        case _:
            return ANYONE


def proficiency(demand: Demand, levels: Mapping[str, int]) -> int:
    """How good a seat is at what is asked: the sum of its levels in the skills named."""
    return sum(levels.get(name, 0) for name in dict.fromkeys(_asked(demand)))


def names(demand: Demand) -> tuple[str, ...]:
    """Every skill the demand mentions, once each, in order."""
    return tuple(dict.fromkeys(_mentioned(demand)))


def lacking(demand: Demand, levels: Mapping[str, int]) -> tuple[str, ...]:
    """The leaves that keep these levels from meeting the demand, as text; empty when it is met."""
    if satisfied(demand, levels):
        return ()
    match demand:
        case AllOf(parts):
            return tuple(text for part in parts for text in lacking(part, levels))
        case _:
            return (render(demand),)


def render(demand: Demand) -> str:
    """Canonical source text: equal demands, equal text."""
    match demand:
        case Has(name, level):
            return name if level == 1 else f"{name}>={level}"
        case AllOf(parts):
            return " & ".join(f"({render(p)})" if isinstance(p, AnyOf) else render(p) for p in parts)
        case AnyOf(parts):
            return " | ".join(render(p) for p in parts)
        case Without(part):
            return f"!{render(part)}" if isinstance(part, Has) else f"!({render(part)})"
        case _:
            return ""


def _mentioned(demand: Demand) -> Iterator[str]:
    match demand:
        case Has(name, _):
            yield name
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _mentioned(part)
        case Without(part):
            yield from _mentioned(part)
        case _:
            return


def _asked(demand: Demand) -> Iterator[str]:
    match demand:
        case Has(name, _):
            yield name
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _asked(part)
        case _:
            return
