"""Rows as columns: what a report over a year can hold in memory and add up quickly.

Numbers are int64 arrays; names are int32 codes with the list of names beside
them. Columns of several days are joined by joining their lists of names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec
import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

_FORMAT: Final = 1


class _Stored(msgspec.Struct):
    format: int
    length: int
    numbers: dict[str, bytes]
    names: dict[str, tuple[bytes, list[str]]]


@dataclass(frozen=True, slots=True)
class Names:
    """A column of names: ``names[codes[i]]`` is the i-th."""

    codes: Codes
    names: list[str]

    @classmethod
    def of(cls, values: Sequence[str | None]) -> Self:
        """None becomes ``""``."""
        places: dict[str, int] = {}
        codes = [places.setdefault(value or "", len(places)) for value in values]
        return cls(np.array(codes, dtype=np.int32), list(places))

    def beginning(self, prefix: str) -> Mask:
        wanted = np.array([*(name.startswith(prefix) for name in self.names), False], dtype=np.bool_)
        found: Mask = wanted[self.codes]
        return found

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        places: dict[str, int] = {}
        joined = []
        for part in parts:
            mapping = np.array(
                [places.setdefault(name, len(places)) for name in part.names] or [0], dtype=np.int32
            )
            joined.append(mapping[part.codes])
        return cls(np.concatenate(joined) if joined else np.array([], dtype=np.int32), list(places))

    def equal(self, *names: str) -> Mask:
        wanted = np.isin(np.array([*self.names, ""]), names)
        found: Mask = wanted[self.codes]
        return found


@dataclass(frozen=True, slots=True)
class Packed:
    """Columns of equal length."""

    length: int
    numbers: dict[str, Numbers]
    names: dict[str, Names]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], numbers: Sequence[str], names: Sequence[str]) -> Self:
        """Columns of rows; a missing number (None) becomes -1."""
        return cls(
            len(rows),
            {
                name: np.array(
                    [-1 if (value := row[name]) is None else value for row in rows], dtype=np.int64
                )
                for name in numbers
            },
            {name: Names.of([row[name] for row in rows]) for name in names},
        )

    @classmethod
    def join(cls, parts: Sequence[Self], numbers: Sequence[str], names: Sequence[str]) -> Self:
        """The parts one after another; no parts: no rows."""
        none = np.array([], dtype=np.int64)
        return cls(
            sum(part.length for part in parts),
            {name: np.concatenate([none, *(part.numbers[name] for part in parts)]) for name in numbers},
            {name: Names.join([part.names[name] for part in parts]) for name in names},
        )

    def where(self, mask: Mask) -> "Packed":
        return Packed(
            int(mask.sum()),
            {name: column[mask] for name, column in self.numbers.items()},
            {name: Names(column.codes[mask], column.names) for name, column in self.names.items()},
        )

    def with_names(self, names: Sequence[str]) -> "Packed":
        """These columns, and those of `names` that are missing, empty: an earlier version had them not.

        The rows may be gone by now, so columns are never thrown away for what they lack.
        """
        missing = {
            name: Names(np.zeros(self.length, dtype=np.int32), [""])
            for name in names
            if name not in self.names
        }
        return Packed(self.length, self.numbers, {**self.names, **missing}) if missing else self

    def to_bytes(self) -> bytes:
        return msgspec.msgpack.encode(
            _Stored(
                _FORMAT,
                self.length,
                {name: column.astype("<i8").tobytes() for name, column in self.numbers.items()},
                {
                    name: (column.codes.astype("<i4").tobytes(), column.names)
                    for name, column in self.names.items()
                },
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self | None:
        """None when another version has written it."""
        try:
            stored = msgspec.msgpack.decode(data, type=_Stored)
        except msgspec.DecodeError:
            return None
        if stored.format != _FORMAT:
            return None
        return cls(
            stored.length,
            {name: np.frombuffer(column, dtype="<i8") for name, column in stored.numbers.items()},
            {
                name: Names(np.frombuffer(codes, dtype="<i4"), names)
                for name, (codes, names) in stored.names.items()
            },
        )
