from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from callrouter.config.document import ConfigError
from simulators.sip_load.plan import PlanTooBig, plan_calls
from simulators.sip_load.scenario import Scenario, read_scenario
from simulators.sip_load.target import TargetRefused, check_target

GOOD: dict[str, Any] = {
    "duration": 60,
    "callers": [
        {
            "name": "people",
            "dial": ["12345", "097112345"],
            "arrivals": {"process": "poisson", "rate": 5},
            "talk": {"lognormal": {"mean": 30, "cv": 0.8}},
            "patience": {"exponential": 60},
            "redial": {"chance": 0.5, "after": {"constant": 3}, "at_most": 3},
            "choices": [{"keys": "2", "share": 0.25, "seats": ["b*"]}, {"keys": "3", "share": 0.25}],
        }
    ],
    "seats": [{"accounts": {"prefix": "a", "first": 1001, "count": 3, "password": "secret"}}],
}


def written(tmp_path: Path, plan: dict[str, Any]) -> Path:
    file = tmp_path / "load.yaml"
    file.write_text(yaml.safe_dump(plan, sort_keys=False))
    return file


def test_a_scenario_is_read_and_planned_the_same_each_time(tmp_path: Path) -> None:
    plan = read_scenario(written(tmp_path, GOOD))
    first, again = plan_calls(plan), plan_calls(plan)
    assert first == again
    assert len(first) == pytest.approx(300, abs=90)
    assert [call.index for call in first] == list(range(len(first)))
    assert np.all(np.diff([call.due for call in first]) >= 0)
    assert len({call.number for call in first}) == len(first)
    assert {call.dial for call in first} == {"12345", "097112345"}
    shares = [sum(call.choice is choice for call in first) / len(first) for choice in plan.callers[0].choices]
    assert shares == pytest.approx([0.25, 0.25], abs=0.1)
    redials = [len(call.redials) for call in first]
    assert np.mean(np.array(redials) >= 1) == pytest.approx(0.5, abs=0.1)
    assert max(redials) == 3
    assert plan.seats[0].users == (("a1001", "secret"), ("a1002", "secret"), ("a1003", "secret"))
    other = plan_calls(plan.model_copy(update={"seed": 2}))
    assert [call.due for call in other] != [call.due for call in first]


def test_twice_the_callers_are_twice_as_many_with_the_same_habits(tmp_path: Path) -> None:
    plan = read_scenario(written(tmp_path, GOOD))
    assert len(plan_calls(plan.scaled(2))) == pytest.approx(2 * len(plan_calls(plan)), rel=0.2)


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        ({"durations": 5}, None, "unknown key 'durations'. Did you mean 'duration'?"),
        ({"duration": "long"}, 1, "must be a number"),
        ({"duration": 1e9}, 1, "at most"),
        ({"callers": []}, 2, "callers"),
        ({"limits": {"rate": 1e9}}, None, "at most 2000"),
        ({"seats": [GOOD["seats"][0], GOOD["seats"][0]]}, None, "named twice: seats"),
    ],
)
def test_a_wrong_field_is_refused_with_its_line(
    tmp_path: Path, change: dict[str, Any], line: int | None, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_scenario(written(tmp_path, {**GOOD, **change}))
    assert words in str(caught.value)
    if line is not None:
        assert f"load.yaml:{line}:" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"arrivals": {"process": "flood", "rate": 1}},
            "'process' of 'arrivals' cannot be 'flood'. Choose one of: constant, poisson, day_curve",
        ),
        ({"arrivals": {"process": "poison", "rate": 1}}, "cannot be 'poison'. Did you mean 'poisson'?"),
        ({"arrivals": {"rate": 1}}, "'arrivals' does not say which process it is. Add `process:`"),
        ({"talk": {"constant": 1, "exponential": 1}}, "exactly one of"),
        ({"choices": [{"keys": "1", "share": 0.7}, {"keys": "2", "share": 0.7}]}, "add up to 1.4"),
        ({"headers": {"X-A": "b\r\nEvil: yes"}}, "no line breaks"),
        ({"headers": {"X-A": "b;c"}}, "no line breaks"),
        ({"dial": "12345 x"}, "dial"),
        ({"arrivals": {"process": "replay", "file": "absent.csv"}}, "no such file"),
    ],
)
def test_callers_that_make_no_sense_are_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_scenario(written(tmp_path, {**GOOD, "callers": [{**GOOD["callers"][0], **change}]}))
    assert words in str(caught.value)


def test_a_replayed_file_is_found_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text("time\n0\n1\n2\n")
    people = {**GOOD["callers"][0], "arrivals": {"process": "replay", "file": "day.csv"}}
    plan = read_scenario(written(tmp_path, {**GOOD, "callers": [people]}))
    assert [call.due for call in plan_calls(plan)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), (b"no sound", "not a wav file"), (b"", "not a wav file")]
)
def test_a_greeting_that_is_no_sound_is_said_at_its_line(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "greeting.wav").write_bytes(content)
    with pytest.raises(ConfigError, match=rf"load.yaml:\d+:\d+: .*greeting.wav: {words}"):
        read_scenario(written(tmp_path, {**GOOD, "probes": {"dial": "12345", "greeting": "greeting.wav"}}))


def test_files_of_the_target_lie_beside_the_scenario_too(tmp_path: Path) -> None:
    target = {"sip": "127.0.0.1:5060", "asterisk_config": "etc/asterisk.conf", "recordings": "/var/r"}
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump({**GOOD, "target": target}))
    read = read_scenario(file).target
    assert read is not None
    assert read.asterisk_config == tmp_path / "etc/asterisk.conf"
    assert read.recordings == Path("/var/r")


def test_limits_hold() -> None:
    plan = Scenario.model_validate({**GOOD, "limits": {"calls": 100}})
    with pytest.raises(PlanTooBig, match="more than 100 calls"):
        plan_calls(plan)
    plan = Scenario.model_validate({**GOOD, "limits": {"rate": 0.5}})
    with pytest.raises(PlanTooBig, match="within one second"):
        plan_calls(plan)
    with pytest.raises(PlanTooBig, match="people"):
        plan_calls(Scenario.model_validate(GOOD).scaled(1e6))


@pytest.mark.parametrize("address", ["127.0.0.1:5060", "127.3.4.5:1", "[::1]:5060"])
def test_this_machine_may_be_loaded(address: str) -> None:
    assert check_target(address)


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.7:5060",
        "10.0.0.1:5060",
        "sip.example.org:5060",
        "localhost:5060",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:99999",
        "0.0.0.0:5060",
        "",
    ],
)
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(TargetRefused):
        check_target(address)


def test_a_named_address_is_allowed_and_no_other_with_it() -> None:
    assert check_target("192.0.2.7:5060", ("192.0.2.7",)) == ("192.0.2.7", 5060)
    with pytest.raises(TargetRefused, match="--allow-target 192\\.0\\.2\\.8"):
        check_target("192.0.2.8:5060", ("192.0.2.7",))
    with pytest.raises(TargetRefused):
        check_target("224.0.0.1:5060", ("224.0.0.1",))
