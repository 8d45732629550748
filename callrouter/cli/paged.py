"""A long sheet, page by page into a file: memory holds one page, however many rows there are."""

import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from callrouter.cli import formats
from callrouter.cli.sheets import Sheet

PAGED: Final = ("csv", "json", "parquet")
"""Formats that can be as long as it takes; the others are for people."""


async def write_pages(pages: AsyncIterator[Sheet], form: str, output: Path | None) -> None:
    """Write sheets of the same columns one after another, in one of `PAGED`. There is at least one.

    Raises OSError, and `FormatError` when Parquet is not available.
    """
    if form == "parquet":
        assert output is not None
        await _parquet(pages, output)
        return
    with _opened(output) as out:
        first = True
        async for page in pages:
            out.write(formats.as_csv(page, head=first) if form == "csv" else _json_rows(page, first))
            first = False
        if form == "json":
            out.write(b'], "total": null, "notes": []}\n')
        out.flush()


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    if output is None:
        yield sys.stdout.buffer
    else:
        with output.open("wb") as out:
            yield out


def _json_rows(page: Sheet, first: bool) -> bytes:
    rows = ", ".join(json.dumps(row, ensure_ascii=False) for row in page.records())
    before = f'{{"title": {json.dumps(page.title)}, "rows": [' if first else ", " if rows else ""
    return (before + rows).encode(errors="replace")


async def _parquet(pages: AsyncIterator[Sheet], output: Path) -> None:
    writer: Any = None
    try:
        async for page in pages:
            table = formats.as_arrow(page)
            writer = writer or formats.parquet_writer(table, output)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
