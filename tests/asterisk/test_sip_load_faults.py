"""Faults planted one by one and together on a real Asterisk: the report names each, and no other."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from simulators import audio
from simulators.sipp import free_udp_port
from tests.asterisk.exchange import Exchange, run_exchange
from tests.asterisk.test_sip_load import callers, codes, crew, run, scenario

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

SEATS = [f"a{number}" for number in range(1001, 1011)]
LINES = {line: free_udp_port("127.0.0.1") for line in ("12315", "12333", "12345x")}
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
exten => cutting,1,Dial(PJSIP/a1002,30,S(1))
exten => recorded,1,Answer()
 same => n,MixMonitor(${{UNIQUEID}}.wav)
 same => n,Dial(PJSIP/a1001,30)
exten => 12315,1,Dial(PJSIP/12315@line-12315,30)
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


async def test_a_trunk_that_refuses_every_tenth_call_is_named_with_its_rhythm(
    tmp_path: Path, town: Exchange
) -> None:
    plan = scenario(tmp_path, town, duration=5, callers=[callers("tenth", rate=8)])
    report = await run(plan, town)
    text = codes(report)["refusals"]
    assert "tenth" in text
    assert "every 10th call is refused" in text
    assert "503" in text


async def test_a_partner_that_hangs_up_or_refuses_is_named(tmp_path: Path, town: Exchange) -> None:
    plan = scenario(
        tmp_path,
        town,
        callers=[callers(["12315", "12333"], rate=3, talk={"constant": 3})],
        partners=[partner("12315", leaves={"constant": 0.4}), partner("12333", refuses=0.5)],
    )
    found = codes(await run(plan, town))
    assert found["partner_hangs_up"].startswith("line 12315 answered and hung up at once")
    assert "12333 refused" in found["partner_refuses"]
    assert "503" in found["partner_refuses"]
    assert "slow_partner" not in found


async def test_a_seat_whose_phone_speaks_another_codec_is_named(tmp_path: Path, town: Exchange) -> None:
    plan = scenario(
        tmp_path,
        town,
        callers=[callers("a1001", rate=1, talk={"constant": 2})],
        seats=[crew("a1001"), crew("a1002", codecs=["g729"])],
        probes={"callers": 1, "dial": "a1002", "every": 4, "talk": 2},
    )
    assert "a1002" in codes(await run(plan, town))["no_audio"]


async def test_conversations_that_the_installation_ends_are_named_by_seat(
    tmp_path: Path, town: Exchange
) -> None:
    plan = scenario(
        tmp_path,
        town,
        callers=[callers(["a1001", "cutting"], rate=3, talk={"constant": 3})],
        seats=[crew("a1001"), crew("a1002")],
    )
    found = codes(await run(plan, town))
    assert found["cut_off"].startswith("seat a1002:")


async def test_a_seat_that_hangs_up_and_one_that_declines_are_told_apart(
    tmp_path: Path, town: Exchange
) -> None:
    plan = scenario(
        tmp_path,
        town,
        callers=[callers(["a1001", "a1002", "a1003"], rate=3, talk={"constant": 2})],
        seats=[crew("a1001"), crew("a1002", leaves={"constant": 0.3}), crew("a1003", refuses=1.0)],
    )
    report = await run(plan, town)
    found = codes(report)
    assert "seat a1002 answered and hung up at once" in found["seat_hangs_up"]
    assert "a1003" in found["seat_declines"]
    assert report["figures"]["seats"]["declined"] > 0


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


async def test_a_recorder_that_is_off_is_named(tmp_path: Path, town: Exchange) -> None:
    spool = town.server.rendered.folder / "var" / "spool"
    for dial, missing in (("recorded", False), ("a1001", True)):
        plan = scenario(tmp_path, town, callers=[callers(dial, rate=2)], seats=[crew("a1001")], duration=3)
        assert plan.target is not None
        target = plan.target.model_copy(update={"recordings": spool})
        report = await run(plan.model_copy(update={"target": target}), town)
        assert ("not_recorded" in codes(report)) is missing, report["figures"]["recordings"]


async def test_speaking_silent_and_abusive_callers(tmp_path: Path, town: Exchange) -> None:
    plan = scenario(
        tmp_path,
        town,
        callers=[
            callers("a1001", rate=1, talk={"constant": 2}, audio="speech", language="bo"),
            {**callers("music", rate=1, talk={"constant": 2}), "name": "silent"},
            {
                **callers("music", rate=1, talk={"constant": 2}),
                "name": "abusive",
                "hammer": {"keys": 100, "every": 0.05},
                "redial": {"chance": 1, "after": {"constant": 0.1}, "at_most": 20},
            },
        ],
        seats=[crew("a1001")],
    )
    report = await run(plan, town)
    figures = report["figures"]
    assert report["broken"] == []
    assert figures["generator"]["unexpected"] == 0
    assert figures["left_behind"] == 0
    assert set(figures["by_language"]) == {"bo", "zh"}
    assert figures["by_language"]["bo"]["met_a_person"] > 0


async def test_faults_planted_together_are_all_named(tmp_path: Path, town: Exchange) -> None:
    plan = scenario(
        tmp_path,
        town,
        duration=8,
        callers=[callers(["a1001", "cutting", "a1003", "12315", "gone"], rate=6, talk={"constant": 3})],
        seats=[crew("a1001"), crew("a1002"), crew("a1003", never_answers=1.0)],
        partners=[partner("12315", answer={"constant": 4})],
        bounds={"answered_in_time": 0.1},
    )
    found = codes(await run(plan, town))
    assert "a1002" in found["cut_off"]
    assert "a1003" in found["seat_never_answers"]
    assert "12315" in found["slow_partner"]
    assert found["refusals"].startswith("gone:")
    assert "seat_hangs_up" not in found


def test_the_voice_of_speaking_callers_has_pauses_and_sound() -> None:
    from simulators.sip_load.voice import spoken

    samples = audio.decode_g711(spoken(6))
    assert len(samples) == 6 * audio.RATE
    assert -30 < audio.active_level(samples) < -5
    assert 0.3 < float(np.mean(audio.active(samples))) < 0.9
