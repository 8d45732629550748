"""A database at this version's schema, without alembic in the controller's memory.

Alembic and what it brings cost 12 MB for as long as a process lives. Whether
anything has to be done is read with one query; only then a child process does it.
"""

import asyncio
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import inspect, text

from callrouter.ports import Unavailable
from callrouter.store.database import Database, StoreError

_VERSIONS: Final = Path(__file__).with_name("migrations") / "versions"
_REVISION: Final = re.compile(r"^(revision|down_revision)\b.*?=\s*(?:\"([^\"]*)\"|None)\s*$", re.MULTILINE)


def newest() -> str:
    """The newest revision that this version has: the one no other builds upon."""
    revisions: set[str] = set()
    built_upon: set[str] = set()
    for file in sorted(_VERSIONS.glob("*.py")):
        found = dict(_REVISION.findall(file.read_text(encoding="utf-8")))
        revisions.add(found["revision"])
        built_upon.add(found["down_revision"])
    heads = revisions - built_upon
    if len(heads) != 1:
        raise StoreError("migrations are incomplete: install callrouter again")
    return heads.pop()


async def stands_at(database: Database) -> str | None:
    """The database's revision; None when it has no schema yet. Raises `Unavailable`."""
    async with database.read() as connection:
        if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
            return None
        found = await connection.execute(text("SELECT version_num FROM alembic_version"))
        return found.scalar()


async def bring_up_to_date(database: Database) -> None:
    """Apply missing migrations in a child process. Raises `StoreError` with what it said."""
    # A database that is away has the child say so.
    with suppress(Unavailable):
        if await stands_at(database) == newest():
            return
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callrouter.store.upgrading",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    # Over its standard input: a URL may hold a password, and arguments stand in the process list.
    _, said = await child.communicate(database.url.render_as_string(hide_password=False).encode())
    if child.returncode:
        lines = said.decode(errors="replace").strip().splitlines()
        raise StoreError(lines[-1] if lines else "the schema could not be brought up to date")
