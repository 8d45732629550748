import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from acd.strategy import STRATEGIES
from callrouter.site import load_site
from callrouter.toolchain.share import share_folder
from simulators.bench_calls.account import cpu_seconds
from simulators.bench_calls.picture import bars
from simulators.bench_calls.plan import Effort, Way, dialled, few_names, seat_names
from simulators.bench_calls.site import dialplan, queues, write_site
from simulators.sipp_scripts import bench_caller_scenario, bench_seat_scenario


def test_the_site_is_one_that_the_controller_takes(tmp_path: Path) -> None:
    seats, few = seat_names(Effort(seats=400)), few_names()
    site = load_site(write_site(share_folder("ivr_flows"), tmp_path, seats, few))
    assert len(site.seats) == 400 + len(few)
    main = next(queue for queue in site.floor.queues if queue.queue == "province")
    assert main.wrap_up == 1
    assert main.strategy in STRATEGIES


def test_app_queue_gets_the_same_seats_and_wrap_up() -> None:
    seats, few = seat_names(Effort(seats=30)), few_names()
    text = queues(seats, few)
    assert text.count("member => PJSIP/") == len(seats) + len(few)
    assert text.count("autofill = yes") == 3
    main, small = text.split("[few]")
    assert "wrapuptime = 1" in main
    assert "wrapuptime = 0" in small
    assert "Queue(province,r)" in dialplan()


def test_a_plain_dial_takes_one_seat_after_another() -> None:
    seats = seat_names(Effort(seats=3))
    assert [dialled(Way.DIAL, False, turn, seats) for turn in range(4)] == [*seats, seats[0]]
    assert dialled(Way.OURS, False, 7, seats) == dialled(Way.QUEUE, False, 7, seats)


def test_account_grows_with_work() -> None:
    before, end = cpu_seconds(os.getpid()), time.thread_time() + 0.15
    while time.thread_time() < end:
        sum(range(1000))
    assert cpu_seconds(os.getpid()) - before >= 0.1
    with pytest.raises(OSError, match="4194305"):
        cpu_seconds(4194305)  # above the kernel's largest process id


def test_account_has_children_while_they_live_and_afterwards() -> None:
    """A controller's records are written by a process of its own: its work is the controller's."""
    work = "import sys, time\nwhile time.process_time() < 0.25: sum(range(1000))"
    busy = f"{work}\nprint(flush=True)\nsys.stdin.read()"
    before = cpu_seconds(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert cpu_seconds(os.getpid()) - before >= 0.2
    assert cpu_seconds(os.getpid()) - before >= 0.2


@pytest.mark.parametrize("scenario", [bench_caller_scenario(2.5), bench_seat_scenario(2.5)])
def test_scenarios_are_well_formed_and_hang_up_in_time(scenario: str) -> None:
    assert ElementTree.fromstring(scenario).tag == "scenario"
    assert 'timeout="2500"' in scenario


def test_picture_shows_every_process_and_the_limit() -> None:
    rows = {"callrouter": {"asterisk": 6.0, "controller": 0.8}, "Queue()": {"asterisk": 9.0}}
    svg = bars("CPU", rows, [("wanted", 7.65)])
    assert ElementTree.fromstring(svg)
    assert "6.80 ms" in svg
    assert svg.count('height="34"') == 3
    assert "stroke-dasharray" in svg
