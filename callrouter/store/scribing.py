"""The process that writes records: ``python -m callrouter.store.scribing``, see `scribe`.

It ends when its standard input does, hence never outlives the controller, and
knows no signal besides: Ctrl-C and a service's stop are the controller's, which
still has records to write then.
"""

import asyncio
import gc
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

import msgspec
import uvloop

from callrouter.ports import Unavailable
from callrouter.store import entries, inserting
from callrouter.store.database import Database, StoreError, Unfit, brief
from callrouter.store.entries import Entry
from callrouter.store.inserting import Publish
from callrouter.store.scribe import Answer, Batch, Task

COLLECT_EVERY: Final = 1000
"""Transactions."""
_PIPE: Final = 1024 * 1024


async def write(database: Database, payloads: Sequence[bytes], publish: Publish, seconds: float) -> Answer:
    """One transaction for all of them; never raises for what goes wrong in it."""
    try:
        found = [entries.decode(payload) for payload in payloads]
        async with asyncio.timeout(seconds):
            new = await _insert(database, found, publish)
    except (Unfit, msgspec.DecodeError) as error:
        return Answer(unfit=str(error))
    except entries.UnknownKind as error:
        return Answer(unfit=brief(error))
    except Unavailable as error:
        return Answer(away=str(error))
    except TimeoutError:
        return Answer(away=f"no answer within {seconds:g} s")
    except Exception as error:  # noqa: BLE001 - told to the operator, by the controller
        return Answer(defect=brief(error))
    return Answer(new=new)


async def _insert(database: Database, found: Sequence[Entry], publish: Publish) -> int:
    try:
        return await database.transact(lambda connection: inserting.insert_new(connection, found, publish))
    except Unfit:
        return await database.transact(lambda connection: inserting.insert(connection, found, publish))


async def _serve(said: IO[bytes], answers: IO[bytes]) -> None:
    task = msgspec.json.decode(said.readline(), type=Task)
    publish: Publish = pkgutil.resolve_name(task.publish)
    try:
        database = Database(task.url)
    except (StoreError, OSError) as error:
        _answer(answers, Answer(away=brief(error)))
        return
    _answer(answers, Answer())
    written = 0
    try:
        # Between two transactions there is nothing to do: this may block.
        while line := said.readline():
            batch = msgspec.json.decode(line, type=Batch)
            payloads = [said.readline() for _ in range(batch.count)]
            if payloads and not payloads[-1].endswith(b"\n"):
                break  # the controller ended while it spoke
            answer = await write(database, payloads, publish, batch.seconds)
            _answer(answers, answer)
            written += 1
            if answer.away or answer.unfit or written % COLLECT_EVERY == 0:
                gc.collect()
    finally:
        await database.close()


def _answer(answers: IO[bytes], answer: Answer) -> None:
    answers.write(msgspec.json.encode(answer) + b"\n")


def _give_way() -> None:
    """The controller's loop is woken at once although this process computes: calls come before records."""
    with suppress(OSError):  # a sandbox may forbid it, and all still works
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def main() -> int:
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    # What anything else prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    _give_way()
    # What a batch leaves is freed by counting references, but for what an error leaves.
    gc.freeze()
    gc.disable()
    with open(0, "rb", buffering=_PIPE, closefd=False) as said, answers:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(said, answers))
        except BrokenPipeError:
            return 1  # nobody is left to tell
    return 0


if __name__ == "__main__":
    sys.exit(main())
