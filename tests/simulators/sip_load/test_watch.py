"""What a load run says that processes have used."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from callrouter.store.scribe import MODULE
from simulators.processes import children
from simulators.sip_load.watch import Watch

pytestmark = pytest.mark.slow

PARENT = """
import subprocess, sys
busy = "import sys, time\\nprint(1, flush=True)\\nwhile True: pass"
helpers = [subprocess.Popen([sys.executable, "-c", busy, *sys.argv[1:]])]
for line in sys.stdin:
    helpers[-1].kill()
    helpers[-1].wait()
    if line.strip() == "again":
        helpers.append(subprocess.Popen([sys.executable, "-c", busy, *sys.argv[1:]]))
"""


@pytest.fixture(params=[MODULE, "phones"])
def parent(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, request.param],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process, request.param
        assert process.stdin is not None
        process.stdin.write("end\n")
        process.stdin.close()


def sampled(watch: Watch, wanted: float) -> float:
    """CPU seconds of the parent, once they are so many; for three seconds at most."""
    end = time.monotonic() + 3
    while time.monotonic() < end and watch.usage["controller"].cpu_seconds < wanted:
        time.sleep(0.05)
        watch.sample(0.05)
    return watch.usage["controller"].cpu_seconds


def test_who_writes_a_controllers_records_works_for_it_and_its_phones_do_not(
    parent: tuple[subprocess.Popen[str], str],
) -> None:
    process, role = parent
    watch = Watch({"controller": process.pid})
    assert len(children(process.pid)) == 1
    spent = sampled(watch, 0.2)
    assert (spent >= 0.2) is (role == MODULE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("again\n")
    process.stdin.flush()
    process.stdout.readline()
    # One that was begun anew goes on with the account of the one before, and nobody is said to be gone.
    more = sampled(watch, spent + 0.2)
    assert (more >= spent + 0.2) is (role == MODULE)
    assert not watch.usage["controller"].gone
