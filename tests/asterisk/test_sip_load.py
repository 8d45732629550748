"""The load tool on a real Asterisk: planted faults are named, counts agree with a packet capture."""

import asyncio
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from simulators.sip_load.engine import Run
from simulators.sip_load.report import document, read_report
from simulators.sip_load.scenario import Scenario, Target, read_scenario
from simulators.sipp import free_udp_port
from simulators.softphone import SoftphonePool
from tests.asterisk.exchange import PASSWORD, Exchange, eventually, run_exchange

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

SEATS = [f"a{number}" for number in range(1001, 1011)]
LINES = {"12315": free_udp_port("127.0.0.1"), "12333": free_udp_port("127.0.0.1")}
MORE = """
exten => muted-a1007,1,Set(MUTEAUDIO(in)=on)
 same => n,Dial(PJSIP/a1007,30)
exten => 12315,1,Dial(PJSIP/12315@line-12315,30)
exten => 12333,1,Dial(PJSIP/12333@line-12333,30)
exten => crew,1,Answer()
 same => n,Dial(PJSIP/a1001&PJSIP/a1002&PJSIP/a1003&PJSIP/a1004,30,m)
"""


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    trunks = {f"line-{line}": f"127.0.0.1:{port}" for line, port in LINES.items()}
    async with run_exchange(tmp_path_factory.mktemp("town"), SEATS, more=MORE, trunks=trunks) as running:
        yield running


def scenario(tmp_path: Path, town: Exchange, **plan: Any) -> Scenario:
    file = tmp_path / "scenario.yaml"
    file.write_text(yaml.safe_dump({"duration": 5, "drain": 8, "seed": 5, **plan}, allow_unicode=True))
    read = read_scenario(file)
    return read.model_copy(update={"target": Target(sip=town.sip, asterisk_config=town.server.rendered.conf)})


def crew(*users: str, **more: Any) -> dict[str, Any]:
    return {
        "name": f"crew-{users[0]}",
        "accounts": [{"user": user, "password": PASSWORD} for user in users],
        "answer": {"uniform": [0.05, 0.3]},
        **more,
    }


def callers(dial: str | list[str], rate: float = 3.0, **more: Any) -> dict[str, Any]:
    return {
        "name": "people",
        "dial": dial,
        "arrivals": {"process": "poisson", "rate": rate},
        "talk": {"exponential": 0.8, "at_most": 3},
        "patience": {"constant": 6},
        **more,
    }


async def run(plan: Scenario, town: Exchange) -> dict[str, Any]:
    assert plan.target is not None
    result = await Run(plan, town.sip, processes={"asterisk": town.server.pid or 0}).go(lambda _live: None)
    return document(result)


def codes(report: Mapping[str, Any]) -> dict[str, str]:
    return {one["code"]: one["text"] for one in report["findings"]}


async def test_a_healthy_town_is_found_good(tmp_path: Path, town: Exchange) -> None:
    seats = ["a1001", "a1002", "a1003", "a1004"]
    plan = scenario(
        tmp_path,
        town,
        callers=[callers(seats, seats=["a100*"], talk={"constant": 2.2})],
        # Seats press keys: the callers' side gets them as digits and must take no notice.
        seats=[
            crew(*seats, transfers={"share": 0.5, "lines": ["12315"], "after": {"constant": 0.1}}),
            crew("a1008", kind="softphone"),
        ],
        probes={"callers": 1, "dial": "a1008", "every": 3, "talk": 2, "keys": "*21"},
        bounds={"answered_in_time": 0.5},
    )
    report = await run(plan, town)
    # Calls straight to a seat's account may ring one that talks already; nothing else is wrong.
    assert set(codes(report)) <= {"second_call"}
    figures = report["figures"]
    assert figures["volume"]["dialled"] == figures["volume"]["offered"] > 5
    assert figures["sessions"]["SER"] == 1
    assert figures["probes"]["both_ways"] == 1
    assert figures["probes"]["keys_right"] == 1
    assert figures["probes"]["mos"]["mean"] > 4
    assert figures["registrations"]["count"] == 4
    assert figures["left_behind"] == 0
    assert figures["processes"]["asterisk"]["cpu_seconds"] > 0
    assert report["void"] == []
    assert figures["transfers"]["12315"]["begun"] > 0
    assert figures["generator"]["unexpected"] == 0
    assert figures["sessions"]["SDT"]["max"] < 3.2


async def test_a_seat_that_never_answers_is_named(tmp_path: Path, town: Exchange) -> None:
    plan = scenario(
        tmp_path,
        town,
        callers=[callers("crew", rate=2)],
        seats=[crew("a1001", "a1002"), crew("a1003", never_answers=1.0)],
    )
    found = codes(await run(plan, town))
    assert "a1003" in found["seat_never_answers"]
    assert "a1001" not in found["seat_never_answers"]


async def test_one_way_audio_is_named_with_its_direction(tmp_path: Path, town: Exchange) -> None:
    plan = scenario(
        tmp_path,
        town,
        callers=[callers("a1001", rate=1)],
        seats=[crew("a1001"), crew("a1007", kind="softphone")],
        probes={"callers": 1, "dial": "muted-a1007", "every": 4, "talk": 2},
    )
    found = codes(await run(plan, town))
    assert "a1007 does not hear callers" in found["one_way_audio"]
    assert "no_audio" not in found


async def test_two_percent_of_loss_is_found(tmp_path: Path, town: Exchange) -> None:
    async with SoftphonePool(drop_sent_percent=2) as bad_line:
        phone = await bad_line.phone("a1009", PASSWORD, town.sip, auto_answer=0.0)
        await phone.register()
        plan = scenario(
            tmp_path,
            town,
            duration=18,
            callers=[callers("a1001", rate=1)],
            probes={"callers": 1, "dial": "a1009", "every": 6.2, "talk": 5.8},
            # Some 900 packets: chance alone keeps 2 % above this bound in 999 of 1000 runs.
            bounds={"loss": 0.007},
        )
        report = await run(plan, town)
    assert "packet_loss" in codes(report)
    # What the jitter buffer had to discard counts too.
    assert 0.007 < report["figures"]["probes"]["loss"] < 0.06


async def test_a_slow_partner_is_named(tmp_path: Path, town: Exchange) -> None:
    plan = scenario(
        tmp_path,
        town,
        callers=[callers(["12315", "12333"], rate=2)],
        partners=[
            {"line": "12315", "listen": f"127.0.0.1:{LINES['12315']}", "answer": {"constant": 4}},
            {"line": "12333", "listen": f"127.0.0.1:{LINES['12333']}", "answer": {"constant": 0.1}},
        ],
    )
    report = await run(plan, town)
    assert "12315" in codes(report)["slow_partner"]
    assert report["figures"]["partners"]["12333"]["answer"]["p95"] < 0.5


@dataclass
class Captured:
    """One Call-ID as a packet capture shows it."""

    invite: float
    indication: float | None = None
    final: int = 0


def captured(file: Path) -> dict[str, Captured]:
    """Callers' INVITEs with what Asterisk answered, from a pcap file that Asterisk wrote."""
    calls: dict[str, Captured] = {}
    for at, data in packets(file):
        head = data.split(b"\r\n\r\n")[0].decode(errors="replace")
        first, *lines = head.split("\r\n")
        headers = {line.split(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        call_id, method = headers.get("call-id", ""), headers.get("cseq", "").partition(" ")[2]
        if "callers" not in call_id or method != "INVITE":
            continue
        if first.startswith("INVITE"):
            calls.setdefault(call_id, Captured(at))
        elif first.startswith("SIP/2.0"):
            status, call = int(first.split()[1]), calls[call_id]
            if status > 100 and status < 300 and call.indication is None:
                call.indication = at
            if status >= 200 and not call.final:
                call.final = status
    return calls


def packets(file: Path) -> Iterator[tuple[float, bytes]]:
    """(time, payload) of each UDP packet of a pcap file (Ethernet or raw IPv4)."""
    data = file.read_bytes()
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    link = struct.unpack(order + "I", data[20:24])[0]
    place = 24
    while place + 16 <= len(data):
        seconds, micros, length, _ = struct.unpack(order + "IIII", data[place : place + 16])
        ip = data[place + 16 + (14 if link == 1 else 0) : place + 16 + length]
        place += 16 + length
        yield seconds + micros * 1e-6, ip[(ip[0] & 15) * 4 + 8 :]


async def test_asr_and_srd_agree_with_a_packet_capture(tmp_path: Path, town: Exchange) -> None:
    plan = scenario(
        tmp_path,
        town,
        callers=[callers(["a1001", "a1002", "busy", "gone", "slow"], rate=8)],
        seats=[crew("a1001", "a1002")],
    )
    capture = tmp_path / "capture.pcap"
    for line in ("on", "verbose off", f"pcap {capture}"):
        await town.server.command(f"pjsip set logger {line}")
    report = await run(plan, town)
    await town.server.command("pjsip set logger off")
    calls = captured(capture)
    sessions = report["figures"]["sessions"]
    assert len(calls) == sessions["attempts"] > 20
    answered = sum(call.final == 200 for call in calls.values())
    assert answered == sessions["answered"]
    assert sessions["ASR"] == pytest.approx(answered / len(calls))
    for status in (404, 486):
        assert sessions["causes"][str(status)] == sum(call.final == status for call in calls.values())
    delays = sorted(call.indication - call.invite for call in calls.values() if call.indication is not None)
    spread = sessions["PDD"]
    assert spread["count"] == len(delays)
    # The caller's clock includes the way there and back through the kernel; the capture's does not.
    assert spread["p50"] == pytest.approx(delays[(len(delays) + 1) // 2 - 1], abs=0.01)
    assert spread["max"] == pytest.approx(delays[-1], abs=0.05)
    assert spread["mean"] == pytest.approx(sum(delays) / len(delays), abs=0.01)


async def test_callers_who_lose_patience_cancel_or_leave_and_try_again(
    tmp_path: Path, town: Exchange
) -> None:
    plan = scenario(
        tmp_path,
        town,
        callers=[
            callers(
                "a1003",
                rate=1.5,
                patience={"constant": 1.0},
                redial={"chance": 1.0, "after": {"constant": 0.5}, "at_most": 1},
            )
        ],
        seats=[crew("a1003", never_answers=1.0)],
    )
    report = await run(plan, town)
    volume, sessions = report["figures"]["volume"], report["figures"]["sessions"]
    assert volume["redials"] == volume["dialled"] > 3
    assert sessions["causes"] == {"487": volume["attempts"]}
    assert sessions["given_up_before_answer"] == volume["attempts"]
    assert report["figures"]["left_behind"] == 0, await town.channels()
    assert "no_seat_answers" in codes(report)


def command(*arguments: object) -> list[str]:
    code = "from callrouter.cli.main import run; run()"
    return [sys.executable, "-c", code, "load", "run", *map(str, arguments)]


async def finish(*arguments: object) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command(*arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, errors.decode()


def written(tmp_path: Path, **plan: Any) -> Path:
    file = tmp_path / "scenario.yaml"
    file.write_text(yaml.safe_dump({"duration": 20, "callers": [callers("echo")], **plan}))
    return file


async def test_an_unreachable_target_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{nobody.getsockname()[1]}"
        file = written(tmp_path, seats=[crew("a1001")])
        code, errors = await finish(file, "--target", target, "--report", tmp_path / "r")
    assert code == 2
    assert errors.strip().count("\n") == 0
    assert "0 of 1 seats registered" in errors
    assert target in errors


VICTIMS = {
    "callers": ("callers0.xml", signal.SIGKILL, "SIPp (callers0) was ended by signal 9 (Killed)"),
    "seats": ("crew-a1001.xml", signal.SIGKILL, "SIPp (crew-a1001) was ended by signal 9"),
    "phones": ("softphone_worker", signal.SIGKILL, "phone process ended"),
    "tool": ("", signal.SIGKILL, "not finished"),
    "interrupted": ("", signal.SIGINT, "interrupted"),
    "terminated": ("", signal.SIGTERM, "interrupted"),
}
"""What is hit (a word of its command line; "": the tool itself), the signal, what the report says."""


@pytest.mark.parametrize("victim", VICTIMS)
async def test_whatever_dies_mid_run_is_named_in_a_partial_report_and_nothing_is_left(
    tmp_path: Path, town: Exchange, victim: str
) -> None:
    word, sign, said = VICTIMS[victim]
    base = tmp_path / "partial"
    file = written(
        tmp_path,
        callers=[callers("echo", rate=5)],
        seats=[crew("a1001")],
        probes={"callers": 1, "dial": "a1001", "every": 3, "talk": 1.5},
    )
    process = await asyncio.create_subprocess_exec(
        *command(file, "--target", town.sip, "--report", base, "--logs", tmp_path / "logs"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    report_file = base.with_name("partial.json")
    await eventually(
        lambda: (
            report_file.exists() and json.loads(report_file.read_text())["figures"]["volume"]["dialled"] > 3
        ),
        40,
    )
    children = psutil.Process(process.pid).children(recursive=True)
    hit = process.pid
    if word:
        hit = next(child.pid for child in children if any(word in one for one in child.cmdline()))
    os.kill(hit, sign)
    _, errors = await asyncio.wait_for(process.communicate(), 40)
    await eventually(lambda: not any(child.is_running() for child in children))
    report = read_report(report_file)
    assert report["verdict"] == "broken"
    assert said in report["broken"][0]
    assert report["figures"]["sessions"]["attempts"] > 3
    assert "Traceback" not in errors.decode()
    if victim != "tool":
        assert process.returncode == 2
        assert base.with_name("partial.html").is_file()
    # The callers that the killed SIPp left on the line.
    await town.server.command("channel request hangup all")
    await eventually(town.is_idle)


@pytest.mark.slow
@pytest.mark.soak
async def test_the_demo_province_takes_callers_who_meet_our_seats_and_are_handed_on(tmp_path: Path) -> None:
    demo = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from callrouter.cli.main import run; run()", "demo", "--json", "--for", "120"),
        *("--state-dir", str(tmp_path / "state")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 20,
    )
    assert demo.stdout is not None
    try:
        ready = json.loads(await asyncio.wait_for(demo.stdout.readline(), 60))
        ours = [one for one in ready["logins"]["agent"] if one["phone"] == "yours"]
        plan = Scenario.model_validate(
            {
                "duration": 25,
                "drain": 25,
                "target": {
                    "sip": ready["sip"],
                    "desk": ready["http"],
                    "asterisk_config": ready["asterisk_config"],
                },
                "callers": [callers("12345", rate=0.5, talk={"constant": 10}, patience={"constant": 40})],
                "seats": [
                    {
                        "accounts": [{"user": one["seat"], "password": one["password"]} for one in ours],
                        "answer": {"constant": 0.5},
                        "desk": {"wrap_up": {"constant": 0.5}},
                        "transfers": {"share": 0.5, "lines": ["12315"], "after": {"constant": 1}},
                    }
                ],
                "probes": {"callers": 1, "dial": "12345", "every": 12, "talk": 3},
            }
        )
        report = document(await Run(plan, ready["sip"]).go(lambda _live: None))
    finally:
        demo.send_signal(signal.SIGINT)
        await asyncio.wait_for(demo.wait(), 30)
    figures = report["figures"]
    assert report["void"] == report["broken"] == []
    assert figures["sessions"]["SER"] == 1
    assert figures["people"]["met_a_person"] >= 2
    assert figures["seats"]["second_calls"] == 0
    assert figures["retransmissions"]["sent"] == figures["retransmissions"]["received"] == {}
    assert figures["generator"]["unexpected"] == 0
    assert figures["left_behind"] == 0
    assert figures["transfers"]["12315"]["begun"] >= 1
