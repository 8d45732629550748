"""Records in, a scenario out: what was simulated is found again."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from acd.record import Activity, CallRecord
from simulators.queue_sim.calibrate import NothingSeen, Observations, as_yaml, scenario_of
from simulators.queue_sim.reading import read_scenario
from tests.store.samples import record, segment

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 11, 2, tzinfo=SHANGHAI).timestamp()
DAY = 86_400.0


def visit(
    number: int, at: float, *, wait: float, talk: float | None, caller: str = "", **more: str
) -> CallRecord:
    """A call that was answered after `wait` and talked, or gave up then."""
    call, enqueued = f"c{number}", at + 8.0
    over = enqueued + wait + (talk or 0.0)
    segments = []
    if talk is not None:
        segments = [
            segment(call, "1", Activity.RING, enqueued + wait - 3.0, enqueued + wait, party="s1"),
            segment(call, "1", Activity.TALK, enqueued + wait, over - talk / 2, party="s1"),
            segment(call, "1", Activity.HOLD, over - talk / 2, over, party="s1"),
            segment(call, "1", Activity.WRAP_UP, over, over + 12.0, party="s1"),
        ]
        if number % 10 == 0:
            segments.insert(
                0,
                segment(call, "2", Activity.RING, enqueued, enqueued + 15.0, party="s2", detail="no_answer"),
            )
    return record(
        call,
        at,
        caller=caller,
        language=more.get("language", "zh"),
        enqueued=enqueued,
        answered=None if talk is None else enqueued + wait,
        ended=over,
        outcome="abandoned_queue" if talk is None else "answered",
        segments=tuple(segments),
    )


def history(days: int, seed: int = 1) -> Iterator[CallRecord]:
    """30 calls an hour; patience 100 s, answers after 40 s; half of those who give up call again."""
    dice = np.random.default_rng(seed)
    calls: list[tuple[float, str]] = [
        (at, f"1390000{n:05}") for n, at in enumerate(dice.random(dice.poisson(days * 720)) * days * DAY)
    ]
    records = []
    number = 0
    while calls:
        at, caller = calls.pop()
        number += 1
        patience, answered = dice.exponential(100.0), dice.exponential(40.0)
        language = "bo" if dice.random() < 0.1 else "zh"
        if patience < answered:
            records.append(
                visit(number, MONDAY + at, wait=patience, talk=None, caller=caller, language=language)
            )
            if dice.random() < 0.5:
                calls.append((at + 8.0 + patience + dice.exponential(60.0), caller))
        else:
            talk = float(dice.lognormal(5.0, 0.6))
            records.append(
                visit(number, MONDAY + at, wait=answered, talk=talk, caller=caller, language=language)
            )
    yield from sorted(records, key=lambda one: one.ingress)


def observed(days: int) -> Observations:
    seen = Observations(MONDAY, MONDAY + days * DAY, SHANGHAI)
    for one in history(days):
        seen.add(one)
    return seen


@pytest.mark.slow
def test_what_happened_is_found_again() -> None:
    found = observed(21).calibration()
    (queue,) = found.queues
    assert queue.queue == "main"
    assert queue.per_hour.mean() == pytest.approx(30.0, rel=0.05)
    assert queue.weekdays == pytest.approx(np.ones(7), abs=0.12)
    assert queue.talk.duration.mean == pytest.approx(np.exp(5.0 + 0.18), rel=0.05)
    assert queue.patience.duration.mean == pytest.approx(100.0, rel=0.06)
    assert queue.flow.duration.constant == pytest.approx(8.0)
    assert queue.languages == {"zh": pytest.approx(0.9, abs=0.02), "bo": pytest.approx(0.1, abs=0.02)}
    assert found.redial_chance == pytest.approx(0.5, abs=0.05)
    assert found.redial_after is not None
    assert found.redial_after.duration.mean == pytest.approx(60.0, rel=0.1)
    assert found.answer is not None
    assert found.answer.duration.constant == pytest.approx(3.0)
    assert found.wrap_up is not None
    assert found.wrap_up.duration.constant == pytest.approx(12.0)
    assert found.never_answers == pytest.approx(0.09, abs=0.02)


def test_the_scenario_can_be_run(tmp_path: Path) -> None:
    scenario = scenario_of(observed(3).calibration(), name="ours", site="site")
    text = as_yaml(scenario, "two\nlines")
    assert text.startswith("# two\n# lines\nname: ours\n")
    (tmp_path / "site" / "site").mkdir(parents=True)
    (tmp_path / "site" / "site" / "floor.yaml").write_text(
        "skills: {}\nqueues: {main: {}}\nseats: {a1: {queues: [main]}}\n", encoding="utf-8"
    )
    (tmp_path / "ours.yaml").write_text(text, encoding="utf-8")
    base = read_scenario(tmp_path / "ours.yaml")
    (callers,) = base.callers
    assert callers.mix[0].language == "bo"
    assert callers.redial is not None
    assert base.scenario.seats.never_answers > 0


def test_numbers_of_callers_are_not_kept() -> None:
    seen = observed(1)
    kept = [key for key in seen._unreached if isinstance(key, bytes)]
    assert kept
    assert all(len(key) == 16 and b"139" not in key for key in kept)


def test_nothing_to_say_is_said() -> None:
    seen = Observations(MONDAY, MONDAY + DAY, SHANGHAI)
    seen.add(visit(1, MONDAY, wait=5.0, talk=None))
    seen.add(record("c2", MONDAY, queue=None, enqueued=None))
    with pytest.raises(NothingSeen, match="2 records"):
        seen.calibration()
