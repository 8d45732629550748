"""The transfer contract on a real Asterisk: every state × who leaves × how partners behave; 200 at once."""

import os
from collections.abc import AsyncIterator

import pytest

from tests.asterisk.transfer_proof import crowd, others
from tests.asterisk.transfer_proof.casting import trial
from tests.asterisk.transfer_proof.plan import CASES, LEFT_ALREADY, Scene, Who, lines
from tests.asterisk.transfer_proof.proving import prove
from tests.asterisk.transfer_proof.town import Town, open_town

BUSY = 8
"""Load per processor from which on two hundred phones with audio cannot keep time beside Asterisk."""
pytestmark = [pytest.mark.asterisk, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    everybody = {**lines((*CASES, *crowd.CASES)), **others.entries()}
    async with open_town(
        tmp_path_factory.mktemp("proof"),
        crowd.SEATS,
        everybody,
        colleagues=others.COLLEAGUES,
        entrances=others.entrances(),
    ) as town:
        yield town


def test_no_pair_of_state_and_party_is_left_out() -> None:
    proved = {(case.scene, case.who) for case in CASES}
    assert proved | LEFT_ALREADY.keys() == {(scene, who) for scene in Scene for who in Who}
    assert not proved & LEFT_ALREADY.keys()


async def test_nobody_is_lost_whoever_leaves_whenever(town: Town) -> None:
    proof = await prove(town, CASES)
    assert not proof.faults, "\n".join(proof.faults)
    assert proof.lost == 0
    assert len(proof.verdicts) == len(CASES)


def test_the_sample_has_each_way_and_each_who_leaves() -> None:
    assert {(case.how, case.who) for case in others.SAMPLE} == {(case.how, case.who) for case in others.CASES}
    assert {case.how for case in others.CASES} == set(others.How)


async def test_nobody_is_lost_by_any_other_way(town: Town) -> None:
    proof = await prove(town, others.SAMPLE, trial=trial)
    assert not proof.faults, "\n".join(proof.faults)
    assert proof.lost == 0
    assert len(proof.verdicts) == len(others.SAMPLE)


async def test_nobody_is_lost_when_two_hundred_press_at_once(town: Town) -> None:
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    if load > BUSY * cores:
        pytest.skip(
            f"load {load:.0f} on {cores} processors: a crowd that is late itself would judge the wrong thing"
        )
    proof = await crowd.all_at_once(town)
    assert not proof.faults, "\n".join(proof.faults)
    assert proof.lost == 0
    assert len(proof.verdicts) == crowd.CROWD
