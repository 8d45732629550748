"""From what the router tells of a call's sound and answers to what the store keeps.

Asterisk closes a file a moment after its channel has ended, and only then writes
the length into its head: until that agrees with the file nobody may rely on it.
"""

import asyncio
import hashlib
import struct
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from acd.aftercall import Recording, Survey, Voicemail
from acd.ids import NodeId
from callrouter.router.notices import AnswersSaved, RecordingMade, VoicemailLeft
from callrouter.store.sound import MESSAGES, RECORDINGS

COMPLETE_WITHIN: Final = 10.0
LOOK_EVERY: Final = 0.1
_CHUNK: Final = 1 << 20
_HEAD: Final = struct.Struct("<4sI4s")

log = structlog.get_logger(__name__)

Kept = Recording | Survey | Voicemail


class AfterCall:
    """`spools`: Asterisk's spool folder by node, as this machine sees it; files elsewhere stay unmeasured."""

    def __init__(self, spools: Mapping[NodeId, Path], put: Callable[[Kept], None]) -> None:
        self._spools = spools
        self._put = put
        self._tasks: set[asyncio.Task[None]] = set()

    def noticed(self, notice: object) -> None:
        """Take in what concerns us; anything else is let pass."""
        if isinstance(notice, RecordingMade):
            self._spawn(self._recording(notice))
        elif isinstance(notice, VoicemailLeft):
            self._spawn(self._voicemail(notice))
        elif isinstance(notice, AnswersSaved) and notice.kind == "survey":
            grade = notice.values.get("grade")
            self._put(
                Survey(
                    id=notice.id,
                    call=notice.call,
                    seat=notice.seat,
                    agent=notice.agent,
                    asked=notice.at,
                    grade=grade if isinstance(grade, int) else None,
                )
            )

    async def finish(self) -> None:
        """Wait for the files that are still being looked at."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _recording(self, made: RecordingMade) -> None:
        size, digest = await self._measured(made.node, RECORDINGS, made.recording)
        self._put(
            Recording(
                id=made.recording,
                call=made.call,
                started=made.started,
                ended=made.ended,
                file=f"{RECORDINGS}/{made.recording}.wav",
                size=size,
                sha256=digest,
            )
        )

    async def _voicemail(self, left: VoicemailLeft) -> None:
        await self._measured(left.node, MESSAGES, left.recording)
        self._put(
            Voicemail(
                id=left.recording,
                call=left.call,
                queue=left.queue,
                number=left.caller,
                received=left.at,
                seconds=left.seconds,
                file=f"{MESSAGES}/{left.recording}.wav",
                mailbox=left.mailbox,
                organisation=left.organisation,
            )
        )

    async def _measured(self, node: NodeId, folder: str, recording: str) -> tuple[int, str]:
        """Size and SHA-256 of a complete file; (0, "") when it can't be read from here."""
        spool = self._spools.get(node)
        if spool is None:
            return 0, ""
        path = spool / folder / f"{recording}.wav"
        try:
            async with asyncio.timeout(COMPLETE_WITHIN):
                while not await asyncio.to_thread(complete, path):  # noqa: ASYNC110 - another process's file
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            log.error("recording.incomplete", recording=recording, seconds=COMPLETE_WITHIN)
        try:
            return await asyncio.to_thread(_digest, path)
        except OSError as error:
            log.error("recording.unreadable", recording=recording, error=error.strerror)
            return 0, ""

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="aftercall")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def complete(path: Path) -> bool:
    """The RIFF head tells the length that the file has."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
        length = path.stat().st_size
    except OSError:
        return False
    if len(head) < _HEAD.size:
        return False
    riff, told, wave = _HEAD.unpack(head)
    return bool(riff == b"RIFF" and wave == b"WAVE" and told + 8 in (length, length + 1))


def _digest(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()
