"""Every fault of a scenario, at its line."""

from pathlib import Path

import pytest

from callrouter.config.document import ConfigError
from simulators.queue_sim.policies import world_of
from simulators.queue_sim.reading import read_scenario

GOOD = """\
name: winter
days: 2
floor:
  queues:
    province: {wrap_up: 10}
    night: {}
  seats:
    a: {count: 3, skills: {zh: 8, bo: 5}, queues: [province]}
    n: {count: 1, queues: [night, {queue: province, tier: 2}], organisation: night}
callers:
  - name: province
    queue: province
    skills: zh>=3
    calls_per_hour: 20
    talk: {lognormal: {mean: 150, cv: 0.8}}
    patience: {exponential: 120}
duty:
  - {seats: [a*], begins: "08:00", ends: "20:00"}
  - {seats: [n0001]}
policies:
  - name: as it is
  - name: other
    queues: {province: {strategy: least_occupied, ring_for: 20}}
    lose: [{organisation: night, begins: 3, ends: 4}]
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_good_one(tmp_path: Path) -> None:
    base = read_scenario(write(tmp_path, GOOD))
    assert [policy.name for policy in base.policies] == ["as it is", "other"]
    assert world_of(base, base.policies[1]).plan.queues[0].strategy == "least_occupied"
    assert base.scenario.replications == 10


def test_numbers_are_replaced(tmp_path: Path) -> None:
    base = read_scenario(write(tmp_path, GOOD), {"days": 5, "replications": 3})
    assert (base.scenario.days, base.scenario.replications) == (5, 3)


@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        ("queue: province\n    skills", "queue: provinc\n    skills", 12, "Did you mean 'province'?"),
        ("skills: zh>=3", "skills: zh>=", 13, "level"),
        ("skills: zh>=3", "skills: en", 13, "no seat has 'en'"),
        ("calls_per_hour: 20", "calls_per_hour: [1, 2, 3]", 14, "24 (hours) or 96"),
        ("calls_per_hour: 20", "calls_per_hour: -1", 14, "at least 0"),
        ("calls_per_hour: 20", "calls_per_hour: 20\n    speed: 3", 15, "unknown key 'speed'"),
        ("talk: {lognormal: {mean: 150, cv: 0.8}}", "talk: {forever: true}", 15, "nobody talks for ever"),
        ("    patience:", "    flow: {forever: true}\n    patience:", 16, "nobody would reach the queue"),
        ("duty:", "seats: {answer: {forever: true}}\nduty:", 17, "no seat would ever answer"),
        ("talk: {lognormal: {mean: 150, cv: 0.8}}", "talk: {exponential: 1, constant: 2}", 15, "exactly one"),
        ("seats: [a*]", "seats: [b*]", 18, "no seat 'b*'"),
        ('begins: "08:00"', 'begins: "08:10"', 18, "08:10"),
        ("- {seats: [n0001]}", "- {seats: [n0001], days: [monday]}", 19, "monday"),
        ("- name: other", "- name: as it is", 22, "named twice"),
        ("{province: {strategy", "{provinz: {strategy", 23, "no queue 'provinz'"),
        ("strategy: least_occupied", "strategy: best", 23, "no strategy 'best'"),
        ("ring_for: 20", "ring_for: 0", 23, "above 0"),
        ("ring_for: 20", "rings: 20", 23, "unknown key 'rings'"),
        ("organisation: night, begins", "organisation: day, begins", 24, "no organisation 'day'"),
        ("begins: 3, ends: 4", "begins: 4, ends: 4", 24, "must end after it began"),
        ("queues: [province]}", "queues: [nowhere]}", 8, "unknown queue nowhere"),
        ("wrap_up: 10", "strategy: whim", 5, "unknown strategy"),
        ("days: 2", "days: 0", 2, "at least 1"),
        ("days: 2", "days: 2\nwarm_up: 48", 1, "as long as the simulation"),
    ],
)
def test_faults(tmp_path: Path, before: str, after: str, line: int, message: str) -> None:
    assert before in GOOD
    with pytest.raises(ConfigError) as caught:
        read_scenario(write(tmp_path, GOOD.replace(before, after, 1)))
    told = [str(fault) for fault in caught.value.faults]
    assert any(f":{line}:" in one and message in one for one in told), told


def test_all_faults_at_once(tmp_path: Path) -> None:
    wrong = GOOD.replace("seats: [n0001]", "seats: [x]").replace("skills: zh>=3", "skills: en")
    with pytest.raises(ConfigError) as caught:
        read_scenario(write(tmp_path, wrong))
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("merge: [{queues: [nigh], into: province}]", "no queue 'nigh'"),
        ("merge: [{queues: [night], into: nowhere}]", "no queue 'nowhere'"),
        ("merge: [{queues: [night, province], into: night}, {queues: [night], into: province}]", "no queue"),
        ("surge: [{factor: 2, callers: [x]}]", "no callers 'x'"),
        ("lose: [{seats: [zz]}]", "no seat 'zz'"),
        ("lose: [{}]", "say which"),
        ("duty: [{seats: [zz]}]", "no seat 'zz'"),
        ("seat_counts: {zz: 3}", "no seat group 'zz'"),
        ("rules: {redial: 3}", "unknown key 'redial'"),
        ("rules: {redial_window: -3}", "at least 0"),
        ("queues: {night: {relaxation: [{after: 9, lower: 1}, {after: 5, lower: 1}]}}", "follow one another"),
        ("queues: {night: {overflow: [{queue: nix, after: 5}]}}", "no queue 'nix'"),
    ],
)
def test_faults_of_policies(tmp_path: Path, policy: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"scenario\.yaml:26:") as caught:
        read_scenario(write(tmp_path, f"{GOOD}  - name: wrong\n    {policy}\n"))
    assert message in str(caught.value)


def test_floor_comes_from_one_place(tmp_path: Path) -> None:
    for extra in ("site: .\n", "nation: {}\n"):
        with pytest.raises(ConfigError, match="exactly one of site, floor, nation"):
            read_scenario(write(tmp_path, GOOD + extra))
    with pytest.raises(ConfigError, match="nobody calls"):
        read_scenario(write(tmp_path, GOOD[: GOOD.index("callers:")]))


def test_the_sites_own_faults_are_told(tmp_path: Path) -> None:
    scenario = "site: here\ncallers:\n  - {name: a, queue: q, calls_per_hour: 1, talk: {constant: 1}}\n"
    with pytest.raises(
        ConfigError, match=r"scenario.yaml:\d+:\d+: .*floor.yaml: no such file. Name the folder"
    ):
        read_scenario(write(tmp_path, scenario))
    (tmp_path / "here" / "site").mkdir(parents=True)
    floor = tmp_path / "here" / "site" / "floor.yaml"
    floor.write_text("skills: {}\nqueues: {q: {}}\nseats: {a1: {queues: [p]}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"floor\.yaml:3:.*no queue 'p'"):
        read_scenario(write(tmp_path, scenario))
    floor.write_text("skills: {}\nqueues: {q: {}}\nseats: {a1: {queues: [q]}}\n", encoding="utf-8")
    assert read_scenario(write(tmp_path, scenario)).floor.seats.keys() == {"a1"}


def test_the_documented_scenario_can_be_used() -> None:
    base = read_scenario(Path(__file__).parents[3] / "docs" / "howto" / "winter.yaml")
    worlds = [world_of(base, policy) for policy in base.policies]
    assert len(worlds) == 6
    assert worlds[0].expected_calls() > 1000
