"""``python -m callrouter.store.upgrading``: migrate the database whose URL comes on standard input."""

import asyncio
import sys

from callrouter.store.database import Database, StoreError
from callrouter.store.migrate import upgrade


async def _upgrade(url: str) -> None:
    database = Database(url)
    try:
        await upgrade(database)
    finally:
        await database.close()


def main() -> int:
    try:
        asyncio.run(_upgrade(sys.stdin.read().strip()))
    except (StoreError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
