"""What the command makes of the figures; what it measures is measured on a real Asterisk."""

from dataclasses import replace

import pytest

from callrouter.cli import bench_transfer
from simulators.bench_transfer import TransferFigures
from tests.cli.stage import command, run

GOOD = TransferFigures(
    key_to_invite={"desk": [0.004, 0.006], "phone": [0.005]},
    gap_at_caller=[0.0, 0.01],
    gap_at_partner=[0.02, 0.03],
    key_to_voice=[0.05, 0.05],
    requests=[11, 11],
)


@pytest.mark.parametrize(
    ("figures", "missed"),
    [
        (GOOD, []),
        (replace(GOOD, key_to_invite={"desk": [0.004, 0.016], "phone": [0.005]}), ["key to INVITE, desk"]),
        (replace(GOOD, gap_at_caller=[0.0, 0.061]), ["gap at the caller"]),
        (replace(GOOD, gap_at_partner=[0.07]), ["gap at the partner"]),
        (replace(GOOD, requests=[11, 13]), ["requests"]),
        (replace(GOOD, key_to_voice=[9.0]), []),
    ],
    ids=["good", "key", "caller", "partner", "requests", "not wanted"],
)
@pytest.mark.parametrize("output", ["--json", "--check"])
def test_a_missed_figure_is_named_and_exits_1(
    monkeypatch: pytest.MonkeyPatch, figures: TransferFigures, missed: list[str], output: str
) -> None:
    async def measured(*_: object) -> TransferFigures:
        return figures

    monkeypatch.setattr(bench_transfer, "_measure", measured)
    result = run(command("bench"), "bench", "transfer", "--check", output)
    assert result.exit_code == (1 if missed else 0)
    if output == "--json":
        assert f'"missed": {missed}'.replace("'", '"') in result.stdout
    else:
        assert result.stdout.count("MISSED") == len(missed)
