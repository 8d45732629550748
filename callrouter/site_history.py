"""Every version of the site goes to the records when it comes into force, with its sources.

The state directory keeps the last few to go back to (`callrouter.live_folder`);
the records keep each for as long as a call that ran on it.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from acd.ids import Instant
from callrouter.config.versions import InForce, Version, pack

NOTE_LIMIT: Final = 2000
"""Characters."""


class SiteHistory:
    """`put` takes what is to be kept, in the loop."""

    def __init__(self, put: Callable[[InForce], None]) -> None:
        self._put = put
        self._tasks: set[asyncio.Task[None]] = set()

    def in_force(self, version: Version, *, flows: str, at: Instant, note: str = "") -> None:
        """From `at` on calls run on this version; `flows` is what their records name."""
        task = asyncio.get_running_loop().create_task(
            self._keep(version, flows, at, note), name="site history"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self, version: Version, flows: str, at: Instant, note: str) -> None:
        files = await asyncio.to_thread(pack, version.files)
        self._put(
            InForce(
                digest=version.digest, at=at, by=version.by, note=note[:NOTE_LIMIT], flows=flows, files=files
            )
        )

    async def finish(self) -> None:
        """Wait for what is still being packed."""
        while self._tasks:
            await asyncio.wait(self._tasks)
