"""The benchmark of transfers on a real Asterisk, in small: every figure is there and in its range."""

import json

import pytest

from tests.cli.stage import command, run

pytestmark = [pytest.mark.asterisk, pytest.mark.slow, pytest.mark.timeout(180)]


def test_transfers_by_desk_and_by_phone_have_their_figures() -> None:
    result = run(command("bench"), "bench", "transfer", "--transfers", "4", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout.splitlines()[-1])
    figures = found["figures"]
    assert figures["key to INVITE, desk"]["count"] == figures["key to INVITE, phone"]["count"] == 2
    assert figures["requests"]["most"] <= 12
    # A busy machine may miss the wanted 15 and 60 ms; a gap that a key or a prompt makes would be longer.
    assert figures["key to INVITE, desk"]["p50"] < 0.5
    assert figures["gap at the caller"]["p50"] < 0.1
    assert figures["gap at the partner"]["p50"] < 0.1
