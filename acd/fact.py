"""Small values that never change: what happened, what shall be done, what is to be told.

For the type checker a fact is a frozen dataclass with keyword-only fields. At run
time it is a plain one with slots: the guard of ``frozen=True`` triples the price of
making one, and a call makes a dozen on its way through the floor. A fact still
compares and hashes by value.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def fact(cls: type[T]) -> type[T]:
    """Make a class a fact."""
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)
