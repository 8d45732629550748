"""Small values that never change: what happened, what shall be done, what is to be told.

A subclass of `Fact` lists its fields; a fact compares and hashes by value, copies and
pickles. Facts are `msgspec.Struct`: a dataclass of the same fields costs five times as
much to make, and a call makes dozens on its way through the controller. What works on
dataclasses (`replace`, `fields`, `asdict`) is for facts in `msgspec.structs`.

The type checker asks for keywords. At run time nobody does: `kw_only` would have to be said
class by class, and a metaclass that says it takes CPython's quick call of a class away.
"""

from typing import dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Fact(msgspec.Struct, frozen=True):
    """The base of all facts."""
