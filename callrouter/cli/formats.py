"""Sheets as table, CSV, JSON and Parquet."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from callrouter.cli.sheets import Heading, Sheet, Value
from callrouter.cli.story import safe, span

FORMATS: Final = ("table", "csv", "json", "html", "parquet")


TABLE_ROWS: Final = 500
"""Rows of a table in a terminal: more than anybody reads, and half a second's work."""


class FormatError(Exception):
    """The format is not available; the text says what to do."""


def shown(value: Value, heading: Heading, sheet: Sheet) -> str:
    """A value as people read it."""
    if value is None:
        return "–"
    if heading.unit == "ratio" and isinstance(value, float | int):
        return f"{value:.2%}"  # one decimal would show a missed 94.96 % as 95.0 %
    if heading.unit == "seconds" and isinstance(value, float | int):
        return span(value)
    if heading.unit == "time" and isinstance(value, float | int):
        return f"{datetime.fromtimestamp(value, sheet.zone):%Y-%m-%d %H:%M:%S}"
    return str(value)


def met(value: Value, heading: Heading) -> bool | None:
    """Whether a figure's target is met; None when there is nothing to say."""
    if heading.figure is None or not isinstance(value, float | int):
        return None
    return heading.figure.met(value)


def print_table(sheet: Sheet, console: Console) -> None:
    shown_rows, left = sheet.rows[:TABLE_ROWS], len(sheet.rows) - TABLE_ROWS
    columns = sheet.places_shown()
    table = Table(
        title=sheet.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1)
    )
    for place in columns:
        heading = sheet.headings[place]
        justify: Any = "left" if heading.unit in ("text", "time") else "right"
        table.add_column(heading.name.replace("_", " "), justify=justify)
    for row in shown_rows:
        table.add_row(*(_cell(row[place], sheet.headings[place], sheet) for place in columns))
    if sheet.total is not None:
        table.add_section()
        table.add_row(
            *(_cell(sheet.total[place], sheet.headings[place], sheet) for place in columns), style="bold"
        )
    console.print(table)
    if left > 0:
        whole = "csv, json or html, or parquet to a file"
        console.print(f"The first {TABLE_ROWS} rows; {left} more with --format {whole}.", style="yellow")
    for note in sheet.notes:
        console.print(safe(note, "red" if "MISSED" in note else ""))


def _cell(value: Value, heading: Heading, sheet: Sheet) -> Text:
    style = {True: "green", False: "bold red", None: ""}[met(value, heading)]
    return safe(shown(value, heading, sheet), style)


def as_csv(sheet: Sheet, *, head: bool = True) -> bytes:
    """RFC 4180, UTF-8 with a byte-order mark: spreadsheets then read Chinese right.

    Without `head` the rows alone, to go on with.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    if head:
        writer.writerow([heading.name for heading in sheet.headings])
    writer.writerows(zip(*_columns(sheet), strict=True))
    return (b"\xef\xbb\xbf" if head else b"") + out.getvalue().encode(errors="replace")


def _columns(sheet: Sheet) -> list[Sequence[Value]]:
    """Column by column; numbers as they are: the writer writes them in full."""
    columns: list[Sequence[Value]] = list(zip(*sheet.rows, strict=True))
    for place, (heading, values) in enumerate(zip(sheet.headings, columns, strict=False)):
        if heading.unit == "time":
            columns[place] = [_time(value, sheet.zone) for value in values]
        elif heading.unit == "text":
            columns[place] = [_text(value) for value in values]
    return columns


def _time(value: Value, zone: tzinfo | None) -> Value:
    return datetime.fromtimestamp(value, zone).isoformat() if isinstance(value, float | int) else value


def _text(value: Value) -> Value:
    # A spreadsheet would run such a text as a formula; callers choose what they send.
    risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if risky else value


def as_json(sheet: Sheet) -> bytes:
    names = [heading.name for heading in sheet.headings]
    document = {
        "title": sheet.title,
        "rows": sheet.records(),
        "total": dict(zip(names, sheet.total, strict=True)) if sheet.total is not None else None,
        "notes": list(sheet.notes),
    }
    try:
        return msgspec.json.encode(document) + b"\n"
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(document, ensure_ascii=False).encode(errors="replace") + b"\n"


def write_parquet(sheet: Sheet, target: Path) -> None:
    """Raises `FormatError` when pyarrow is not there."""
    table = as_arrow(sheet)
    with parquet_writer(table, target) as writer:
        writer.write_table(table)


def parquet_writer(table: Any, target: Path) -> Any:
    """A writer of tables like this one, which is to be closed. Raises OSError."""
    import pyarrow.parquet

    return pyarrow.parquet.ParquetWriter(target, table.schema)


def as_arrow(sheet: Sheet) -> Any:
    """A pyarrow table. Raises `FormatError` when pyarrow is not there."""
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise FormatError("Parquet needs pyarrow: pip install 'callrouter[parquet]'") from error
    kinds = {"count": pyarrow.int64(), "ratio": pyarrow.float64(), "seconds": pyarrow.float64()}
    zone = str(sheet.zone) if sheet.zone is not None else "UTC"
    kinds["time"] = pyarrow.timestamp("us", tz=zone)
    fields = [(heading.name, kinds.get(heading.unit, pyarrow.string())) for heading in sheet.headings]
    rows = [
        {
            heading.name: round(value * 1_000_000)
            if heading.unit == "time" and isinstance(value, float | int)
            else value
            for heading, value in zip(sheet.headings, row, strict=True)
        }
        for row in sheet.rows
    ]
    return pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(fields))
