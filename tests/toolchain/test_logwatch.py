import asyncio
from pathlib import Path

from callrouter.toolchain.logwatch import KEPT, keep_small, old_logs, size

ROTATIONS = 6


async def test_a_long_log_is_rotated_until_it_is_short_and_old_ones_go(tmp_path: Path) -> None:
    log = tmp_path / "messages.log"
    log.write_text("long enough")
    times, short = 0, asyncio.Event()

    async def rotate() -> None:
        nonlocal times
        times += 1
        for old in reversed(old_logs(log)):
            old.rename(log.with_name(f"{log.name}.{int(old.suffix[1:]) + 1}"))
        log.rename(log.with_name(f"{log.name}.0"))
        log.write_text("long enough" if times < ROTATIONS else "short")
        if times == ROTATIONS:
            short.set()

    task = asyncio.create_task(keep_small(log, rotate, limit=8, every=0.001))
    async with asyncio.timeout(5):
        await short.wait()
    await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.wait({task})
    assert times == ROTATIONS
    assert [one.name for one in old_logs(log)] == [f"messages.log.{number}" for number in range(KEPT)]


def test_a_missing_log_has_no_size(tmp_path: Path) -> None:
    assert size(tmp_path / "none") == 0
    assert old_logs(tmp_path / "none") == []
