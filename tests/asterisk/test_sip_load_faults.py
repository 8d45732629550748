"""Faults planted one by one and together on a real Asterisk: the report names each, and no other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulators import audio
from simulators.sipp import free_udp_port
from tests.asterisk.exchange import Exchange, run_exchange
from tests.asterisk.test_sip_load import callers, codes, crew, run, scenario

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

SEATS = [f"a{number}" for number in range(1001, 1021)]
LINES = {line: free_udp_port("127.0.0.1") for line in ("12315", "12333", "12328")}
MORE = """
exten => tenth,1,Set(GLOBAL(TURN)=$[0${{TURN}}+1])
 same => n,GotoIf($[${{TURN}} % 10 = 0]?refused)
 same => n,Answer()
 same => n,Echo()
 same => n(refused),Hangup(34)
exten => greeted,1,Answer()
 same => n,Playback(tt-weasels)
 same => n,Dial(PJSIP/a1008,30)
exten => silent,1,Answer()
 same => n,Wait(1)
 same => n,Dial(PJSIP/a1008,30)
exten => keyless,1,Dial(PJSIP/a1008,30,D(12))
exten => cutting,1,Dial(PJSIP/a1011,30,S(1))
exten => cutting2,1,Dial(PJSIP/a1018,30,S(1))
exten => recorded,1,Answer()
 same => n,MixMonitor(${{UNIQUEID}}.wav)
 same => n,Dial(PJSIP/a1014,30)
exten => 12315,1,Dial(PJSIP/12315@line-12315,30)
exten => 12328,1,Dial(PJSIP/12328@line-12328,30)
exten => 12333,1,Dial(PJSIP/12333@line-12333,30)
"""


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    trunks = {f"line-{line}": f"127.0.0.1:{port}" for line, port in LINES.items()}
    more = MORE.replace("{{", "{").replace("}}", "}")
    async with run_exchange(tmp_path_factory.mktemp("faults"), SEATS, more=more, trunks=trunks) as running:
        yield running


def partner(line: str, **more: object) -> dict[str, object]:
    return {"line": line, "listen": f"127.0.0.1:{LINES[line]}", "answer": {"constant": 0.1}, **more}


async def together(tmp_path: Path, town: Exchange, **plans: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The reports of several runs side by side, each with seats and lines of its own."""
    runs = {}
    for name, plan in plans.items():
        (folder := tmp_path / name).mkdir()
        recordings = plan.pop("recordings", None)
        one = scenario(folder, town, **plan)
        assert one.target is not None
        target = one.target.model_copy(update={"recordings": recordings})
        runs[name] = run(one.model_copy(update={"target": target}), town)
    return dict(zip(runs, await asyncio.gather(*runs.values()), strict=True))


async def test_each_planted_fault_is_named_where_it_is(tmp_path: Path, town: Exchange) -> None:
    spool = town.server.rendered.folder / "var" / "spool"
    for_three = callers(["a1001", "a1002", "a1003"], rate=3, talk={"constant": 3})
    reports = await together(
        tmp_path,
        town,
        tenth={"callers": [callers("tenth", rate=8)]},
        lines={
            "callers": [callers(["12315", "12333"], rate=3, talk={"constant": 3})],
            "partners": [partner("12315", leaves={"constant": 0.4}), partner("12333", refuses=0.5)],
        },
        manners={
            "callers": [for_three],
            "seats": [crew("a1001"), crew("a1002", leaves={"constant": 0.3}), crew("a1003", refuses=1.0)],
        },
        cut={
            "callers": [callers(["a1010", "cutting"], rate=3, talk={"constant": 3})],
            "seats": [crew("a1010"), crew("a1011")],
        },
        codec={
            "callers": [callers("a1012", rate=1)],
            "seats": [crew("a1012"), crew("a1013", codecs=["g729"])],
            "probes": {"callers": 1, "dial": "a1013", "every": 4, "talk": 2},
        },
        recorded={"callers": [callers("recorded", rate=2)], "seats": [crew("a1014")], "recordings": spool},
        unrecorded={
            "callers": [callers("a1015", rate=2)],
            "seats": [crew("a1015")],
            "recordings": tmp_path,
        },
    )
    found = {name: codes(report) for name, report in reports.items()}
    assert "every 10th call is refused" in found["tenth"]["refusals"]
    assert "503" in found["tenth"]["refusals"]
    assert found["lines"]["partner_hangs_up"].startswith("line 12315 answered and hung up at once")
    assert "12333 refused" in found["lines"]["partner_refuses"]
    assert "slow_partner" not in found["lines"]
    assert "seat a1002 answered and hung up at once" in found["manners"]["seat_hangs_up"]
    assert "a1003" in found["manners"]["seat_declines"]
    assert reports["manners"]["figures"]["seats"]["declined"] > 0
    assert found["cut"]["cut_off"].startswith("seat a1011:")
    assert "a1013" in found["codec"]["no_audio"]
    assert found["codec"]["wrong_codec"].startswith("seat a1013 answered with g729, though offered")
    assert "`target.recordings`" in found["unrecorded"]["not_recorded"]
    assert "not_recorded" not in found["recorded"], reports["recorded"]["figures"]["recordings"]


async def test_missing_greeting_and_lost_keys_are_named_with_what_arrived(
    tmp_path: Path, town: Exchange
) -> None:
    greeting = tmp_path / "greeting.wav"
    audio.write_wav(greeting, town.sound("tt-weasels"))
    phones = {"seats": [crew("a1008", kind="softphone")], "callers": [callers("echo", rate=1)], "duration": 7}
    probe = {"callers": 1, "every": 7, "talk": 2, "greeting": "greeting.wav", "keys": "*21"}
    good = await run(scenario(tmp_path, town, **phones, probes={**probe, "dial": "greeted"}), town)
    assert good["figures"]["probes"]["greeting_heard"] == 1
    assert good["figures"]["probes"]["keys_accuracy"] == 1
    assert {"greeting", "digits"}.isdisjoint(codes(good))
    bad = codes(await run(scenario(tmp_path, town, **phones, probes={**probe, "dial": "silent"}), town))
    assert "silent: the greeting was heard in 0%" in bad["greeting"]
    # The exchange keys two digits of its own to the seat: what arrives is not what was pressed.
    keyed = {**probe, "dial": "keyless"}
    del keyed["greeting"]
    lost = codes(await run(scenario(tmp_path, town, **phones, probes=keyed), town))
    assert "*21 became" in lost["digits"]
    assert "a1008" in lost["digits"]


async def test_faults_planted_together_are_all_named_and_abusive_callers_break_nothing(
    tmp_path: Path, town: Exchange
) -> None:
    reports = await together(
        tmp_path,
        town,
        many={
            "duration": 8,
            "callers": [
                callers(["a1017", "cutting2", "a1019", "12328", "gone"], rate=6, talk={"constant": 3})
            ],
            "seats": [crew("a1017"), crew("a1018"), crew("a1019", never_answers=1.0)],
            "partners": [partner("12328", answer={"constant": 4})],
            "bounds": {"answered_in_time": 0.1},
        },
        crowd={
            "callers": [
                callers("a1016", rate=1, talk={"constant": 2}, audio="speech", language="bo"),
                {**callers("music", rate=1, talk={"constant": 2}), "name": "silent"},
                {
                    **callers("music", rate=1, talk={"constant": 2}),
                    "name": "abusive",
                    "hammer": {"keys": 100, "every": 0.05},
                    "redial": {"chance": 1, "after": {"constant": 0.1}, "at_most": 20},
                },
            ],
            "seats": [crew("a1016")],
        },
    )
    found = codes(reports["many"])
    assert "a1018" in found["cut_off"]
    assert "a1019" in found["seat_never_answers"]
    assert "12328" in found["slow_partner"]
    assert "gone:" in found["refusals"]
    assert "seat_hangs_up" not in found
    figures = reports["crowd"]["figures"]
    assert reports["crowd"]["broken"] == []
    assert figures["generator"]["unexpected"] == 0
    assert set(figures["by_language"]) == {"bo", "zh"}
    assert figures["by_language"]["bo"]["met_a_person"] > 0


def test_the_voice_of_speaking_callers_has_pauses_and_sound() -> None:
    from simulators.sip_load.voice import spoken

    samples = audio.decode_g711(spoken(6))
    assert len(samples) == 6 * audio.RATE
    assert -30 < audio.active_level(samples) < -5
    assert 0.3 < float(np.mean(audio.active(samples))) < 0.9
