"""Processor time of processes whose threads come and go."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from simulators.bench_calls import account
from simulators.processes import children


def test_a_thread_that_ends_while_it_is_looked_at_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = account.cpu_seconds(os.getpid())
    real = Path.glob

    def glob(self: Path, pattern: str) -> Any:
        return [*real(self, pattern), Path(f"/proc/{os.getpid()}/task/4194303/children")]

    monkeypatch.setattr(Path, "glob", glob)
    assert account.cpu_seconds(os.getpid()) >= before


def test_children_are_counted() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        try:
            assert child.pid in children(os.getpid())
        finally:
            child.kill()
