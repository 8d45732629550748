"""Sums of counts by the values of several dimensions at once, on whole columns.

Rows are first added up by all named columns together, as far as their values
combine to few cells; each dimension then adds up cells instead of rows. Spans of
time, whose rows come in order, are added up stretch by stretch. Whole numbers
throughout: what is summed of whole microseconds stays exact.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from acd.rolling import DAY
from acd.service_level import TALLY_FIELDS, Tally
from callrouter.store.local_time import LocalTime
from callrouter.store.packed import Mask, Names, Numbers, Packed

MOST_CELLS: Final = 20_000
"""Named columns are added up together as long as their values combine to no more."""

EXACT: Final = 2**53
"""Up to here floats, in which `bincount` adds, are exact: 285 years of microseconds."""

Key = str | int
"""A name; or, for a span of time, its beginning in microseconds since the epoch."""
Counts = Mapping[str, Numbers | Mask]
Places = npt.NDArray[np.intp]
KeysOf = Callable[[str], tuple[str, ...]]

_FIELD: Final = {name: place for place, name in enumerate(TALLY_FIELDS)}


class Sums:
    """Tallies of one dimension, as rows of one array."""

    def __init__(self) -> None:
        self._rows: dict[Key, int] = {}
        self._table = np.zeros((64, len(TALLY_FIELDS)), dtype=np.int64)

    def rows(self, keys: Sequence[Key]) -> Places:
        """Their rows, which are made where there are none yet."""
        known = self._rows
        found = np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.intp)
        if len(known) > len(self._table):
            more = np.zeros((max(len(known), 2 * len(self._table)), len(TALLY_FIELDS)), dtype=np.int64)
            more[: len(self._table)] = self._table
            self._table = more
        return found

    def add(self, rows: Places, sums: Mapping[str, Numbers]) -> None:
        for name, values in sums.items():
            np.add.at(self._table[:, _FIELD[name]], rows, values)

    def tallies(self) -> dict[Key, Tally]:
        """By key, names after spans, ascending."""
        order = sorted(self._rows, key=lambda key: (isinstance(key, str), key))
        table = self._table.tolist()
        return {key: Tally(*table[self._rows[key]]) for key in order}


def add_by_names(part: Packed, counts: Counts, wanted: Mapping[str, tuple[str, Sums, KeysOf]]) -> None:
    """Add rows to dimensions made of names: ``dimension → (column, sums, groups of a name)``."""
    columns = dict.fromkeys(column for column, _, _ in wanted.values() if column in part.names)
    for bundle in _bundles(part, list(columns)):
        strides, cells, size = _cells([part.names[column] for column in bundle])
        present = np.flatnonzero(np.bincount(cells, minlength=size))
        sums = {name: by_cell(cells, values, size)[present] for name, values in counts.items()}
        for column, target, keys_of in wanted.values():
            if column in bundle:
                stride = strides[bundle.index(column)]
                _add_column(part.names[column], present // stride, sums, target, keys_of)


def _add_column(
    names: Names, codes: Places, sums: Mapping[str, Numbers], target: Sums, keys_of: KeysOf
) -> None:
    """`codes` of cells, not yet reduced to the column's own; `sums` of the same cells."""
    keys = [keys_of(name) for name in names.names]
    codes = codes % max(1, len(keys))
    by_name = {name: by_cell(codes, values, len(keys)) for name, values in sums.items()}
    pairs = [(place, key) for place in np.unique(codes).tolist() for key in keys[place]]
    source = np.array([place for place, _ in pairs], dtype=np.intp)
    rows = target.rows([key for _, key in pairs])
    target.add(rows, {name: values[source] for name, values in by_name.items()})


def _bundles(part: Packed, columns: Sequence[str]) -> Iterator[list[str]]:
    """The columns, as many together as combine to few cells."""
    bundle: list[str] = []
    cells = 1
    for column in sorted(columns, key=lambda column: len(part.names[column].names)):
        size = max(1, len(part.names[column].names))
        if bundle and cells * size > MOST_CELLS:
            yield bundle
            bundle, cells = [], 1
        bundle.append(column)
        cells *= size
    if bundle:
        yield bundle


def _cells(columns: Sequence[Names]) -> tuple[list[int], Places, int]:
    """Each row's cell; what a column's code is multiplied by in it; and how many cells there may be."""
    strides, size = [], 1
    cells = np.zeros(len(columns[0].codes), dtype=np.intp)
    for column in columns:
        strides.append(size)
        cells += column.codes.astype(np.intp) * size
        size *= max(1, len(column.names))
    return strides, cells, size


def by_cell(cells: npt.NDArray[np.integer[Any]], values: Numbers | Mask, size: int) -> Numbers:
    """The exact sum of the values of each cell (0 … `size` - 1)."""
    if values.dtype == np.bool_:
        return np.bincount(cells[values], minlength=size).astype(np.int64)
    if len(values) and len(values) * int(np.abs(values).max()) > EXACT:
        found = np.zeros(size, dtype=np.int64)
        np.add.at(found, cells, values)
        return found
    return np.bincount(cells, weights=values.astype(np.float64), minlength=size).astype(np.int64)


def add_by_span(part: Packed, counts: Counts, target: Sums, span: int, local: LocalTime) -> None:
    """Add rows to spans of local time.

    An hour that a clock shows twice is two; a day is as long as it is.
    """
    ingress = part.numbers["ingress"]
    ahead, since = local.at(ingress)
    places = (ingress + ahead) // span
    if span < DAY:
        places = np.maximum(places * span - ahead, since)
    order = None
    if np.any(places[1:] < places[:-1]):
        order = np.argsort(places, kind="stable")
        places = places[order]
    begins = np.flatnonzero(np.diff(places, prepend=places[0] - 1))
    keys = places[begins].tolist()
    rows = target.rows(keys if span < DAY else local.begins([place * span for place in keys]))
    target.add(rows, {name: _stretches(values, begins, order) for name, values in counts.items()})


def _stretches(values: Numbers | Mask, begins: Places, order: Places | None) -> Numbers:
    found: Numbers = np.add.reduceat(values if order is None else values[order], begins, dtype=np.int64)
    return found
