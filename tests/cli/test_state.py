"""What a disk that refuses is told as."""

import errno
from pathlib import Path

import pytest

from callrouter.cli.state import disk_fault


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "/s: No space left on device: make room there or R",
        ),
        (OSError(errno.EACCES, "Permission denied", "/s/x"), "/s/x: Permission denied: R"),
        (OSError(errno.EROFS, "Read-only file system", "/s/y"), "/s/y: Read-only file system: R"),
        (OSError(errno.EADDRINUSE, "Address already in use"), None),
    ],
)
def test_a_disk_that_refuses_is_told_with_its_place_and_what_to_do(error: OSError, text: str | None) -> None:
    assert disk_fault(error, Path("/s"), "R") == text
