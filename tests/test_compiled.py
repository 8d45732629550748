"""`make compiled`: the decision core as C decides as it does as Python."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SOURCE_ONLY = "every_moving_part or whatever_a_call_knows or page_names_every_figure"
"""Tests that look at the source or at `__slots__`; they say nothing about decisions."""

HEADER = Path(sysconfig.get_path("include")) / "Python.h"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.skipif(not HEADER.exists(), reason="needs Python's headers (Debian: python3-dev)")
def test_the_compiled_core_passes_the_same_tests(tmp_path: Path) -> None:
    run = {"cwd": ROOT, "capture_output": True, "text": True, "check": False}
    made = subprocess.run(["make", "compiled", f"DIST={tmp_path}"], **run)  # type: ignore[call-overload]
    assert made.returncode == 0, made.stdout + made.stderr
    (wheel,) = tmp_path.glob("callrouter-*.whl")
    there = tmp_path / "there"
    zipfile.ZipFile(wheel).extractall(there)
    for name in ("tests", "docs", "ivr_flows", "asterisk_conf"):
        shutil.copytree(ROOT / name, there / name)
    shutil.copy(ROOT / "pyproject.toml", there)
    run["cwd"] = there
    run["env"] = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    kind = subprocess.run(
        [sys.executable, "-c", "from simulators.bench_queue_sim import core; print(core())"],
        **run,  # type: ignore[call-overload]
    )
    assert kind.stdout.strip() == "compiled", kind.stderr
    found = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *("-m", "not (slow or asterisk or alone or soak)", "-k", f"not ({SOURCE_ONLY})"),
            *(
                "tests/acd",
                "tests/router",
                "tests/controller",
                "tests/floor_log",
                "tests/simulators/queue_sim",
            ),
        ],
        **run,  # type: ignore[call-overload]
    )
    assert found.returncode == 0, found.stdout[-4000:]
