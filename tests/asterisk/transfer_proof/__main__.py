"""Prove it and write the page: ``python -m tests.asterisk.transfer_proof [FILE]``.

Without FILE the page goes to standard output. Exit code 0: all is well; 1: the page names faults;
2: there is no Asterisk to prove it on.
"""

import asyncio
import logging
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import structlog

from callrouter.toolchain.errors import ToolchainError
from tests.asterisk.transfer_proof import crowd, others
from tests.asterisk.transfer_proof.casting import trial
from tests.asterisk.transfer_proof.page import Run, render
from tests.asterisk.transfer_proof.plan import CASES, lines
from tests.asterisk.transfer_proof.proving import LAG, Proof, prove
from tests.asterisk.transfer_proof.town import open_town


async def run(folder: Path) -> tuple[Proof, Proof, Proof, Run]:
    """The whole proof in one town."""
    everybody = {**lines((*CASES, *crowd.CASES)), **others.entries()}
    async with open_town(
        folder, crowd.SEATS, everybody, colleagues=others.COLLEAGUES, entrances=others.entrances()
    ) as town:
        matrix = await prove(town, CASES)
        more = await prove(town, others.CASES, trial=trial)
        at_once = await crowd.all_at_once(town)
        about = Run(
            date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            asterisk=(await town.version()).partition("+")[0],
            cores=len(os.sched_getaffinity(0)),
            load=os.getloadavg()[0],
            lag=LAG,
        )
        return matrix, more, at_once, about


def main(arguments: list[str]) -> int:
    """Exit code."""
    if len(arguments) > 1 or (arguments[:1] and arguments[0].startswith("-")):
        sys.stderr.write("usage: python -m tests.asterisk.transfer_proof [FILE]\n")
        return 2
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with tempfile.TemporaryDirectory(prefix="transfer-proof-") as folder:
            matrix, more, at_once, about = asyncio.run(run(Path(folder)))
    except ToolchainError as error:
        sys.stderr.write(
            f"{error}\n`callrouter tools status` tells what is there, `make tools` installs it.\n"
        )
        return 2
    page = render(matrix, more, at_once, about)
    if arguments:
        Path(arguments[0]).write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)
    faults = matrix.faults + more.faults + at_once.faults
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
