"""Small values that never change: what happened, what shall be done, what is to be told.

For the type checker a fact is a frozen dataclass with keyword-only fields. At run
time it is a plain one with slots: the guard of ``frozen=True`` triples the price of
making one, and a call makes a dozen on its way through the floor. A fact still
compares and hashes by value.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ParamSpec, TypeVar, dataclass_transform

P = ParamSpec("P")
T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def fact(cls: type[T]) -> type[T]:
    """Make a class a fact."""
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)


def maker(kind: Callable[P, T]) -> Callable[P, T]:
    """A function that makes facts of this kind: the same arguments, the same fact, half the time.

    A class that is called packs its arguments into a dict and unpacks them again (CPython's
    ``type.__call__``); a plain function does not. Worth it for the kinds that every call makes.
    """
    known: Any = kind
    defaults = {}
    for one in fields(known):
        if one.default_factory is not MISSING:
            raise TypeError(f"{known.__name__}.{one.name} has a factory: call the class itself")
        if one.default is not MISSING:
            defaults[one.name] = one.default
    names = [one.name for one in fields(known)]
    arguments = ", ".join(f"{name}=defaults[{name!r}]" if name in defaults else name for name in names)
    lines = [f"def make(*, {arguments}):", "    self = new(kind)"]
    lines += [f"    self.{name} = {name}" for name in names]
    space: dict[str, Any] = {"new": object.__new__, "kind": kind, "defaults": defaults}
    exec("\n".join([*lines, "    return self"]), space)  # as dataclasses make __init__
    made: Callable[P, T] = space["make"]
    return made
