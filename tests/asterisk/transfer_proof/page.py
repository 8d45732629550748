"""The proof as a page: what was let happen, and what came of it, printed from the run."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.asterisk.transfer_proof.others import How, OtherCase
from tests.asterisk.transfer_proof.plan import LEFT_ALREADY, Case, Scene, Who
from tests.asterisk.transfer_proof.proving import Proof
from tests.asterisk.transfer_proof.trial import Verdict

COMMAND: Final = "make proof"
TEMPLATE: Final = Path(__file__).with_name("page.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where and when. `date` as people write it."""

    date: str
    asterisk: str
    cores: int
    load: float
    lag: float


def render(matrix: Proof, others: Proof, crowd: Proof, run: Run) -> str:
    """The whole page."""
    return TEMPLATE.read_text(encoding="utf-8").format(
        command=COMMAND,
        date=run.date,
        asterisk=run.asterisk,
        cores=run.cores,
        load=f"{run.load:.1f}",
        lag=run.lag,
        cases=len(matrix.verdicts),
        others=len(others.verdicts),
        crowd=len(crowd.verdicts),
        figures=_figures(matrix, others, crowd),
        states=_states(matrix.verdicts),
        rows="".join(_row(verdict) for verdict in matrix.verdicts),
        ways=_ways(others.verdicts),
        other_rows="".join(_other_row(verdict) for verdict in others.verdicts),
        kinds=_kinds(crowd.verdicts),
        faults=_faults(matrix.faults + others.faults + crowd.faults),
    )


def _figures(*proofs: Proof) -> str:
    rows = {
        "callers lost": [str(one.lost) for one in proofs],
        "channels, bridges and calls left behind": [str(_left(one)) for one in proofs],
        "records and seats' times that are not exact": [str(_books(one)) for one in proofs],
        "cases with any fault": [
            f"{sum(bool(v.faults) for v in one.verdicts)} of {len(one.verdicts)}" for one in proofs
        ],
        "key to INVITE at the partner, median and longest": [_spread(_invites(one)) for one in proofs],
        "seconds that the run took": [f"{one.seconds:.0f}" for one in proofs],
    }
    return "\n".join(f"| {name} | {' | '.join(values)} |" for name, values in rows.items())


def _left(proof: Proof) -> int:
    return len(proof.left_behind) + sum(len(verdict.leaked) for verdict in proof.verdicts)


def _books(proof: Proof) -> int:
    return len(proof.books)


def _invites(proof: Proof) -> list[float]:
    return sorted(one.to_invite for one in proof.verdicts if one.to_invite is not None)


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "–"
    return f"{1000 * seconds[len(seconds) // 2]:.0f} ms, {1000 * seconds[-1]:.0f} ms"


def _states(verdicts: Sequence[Verdict]) -> str:
    lines = ["| state | " + " | ".join(f"{who} leaves" for who in Who) + " |\n|---|---|---|---|\n"]
    for scene in Scene:
        cells = [_cell(scene, who, verdicts) for who in Who]
        lines.append(f"| {scene} | {' | '.join(cells)} |\n")
    return "".join(lines)


def _cell(scene: Scene, who: Who, verdicts: Sequence[Verdict]) -> str:
    if (scene, who) in LEFT_ALREADY:
        return LEFT_ALREADY[scene, who]
    mine = [one for one in verdicts if (one.case.scene, one.case.who) == (scene, who)]
    right = sum(not one.faults for one in mine)
    return f"{right} of {len(mine)}"


def case_cells(case: Case) -> tuple[str, ...]:
    """What of a row follows from the plan, so that a test can tell whether the page is of today's plan."""
    state = f"{case.scene}, {case.way}" if case.way else str(case.scene)
    return (str(case.number + 1), state, str(case.who), case.partner.words, str(case.after))


def _row(verdict: Verdict) -> str:
    outcome = verdict.case.outcome if not verdict.faults else "**fault**"
    heard = f"{max(0.0, verdict.to_hear):.1f}" if verdict.to_hear is not None else ""
    return f"| {' | '.join((*case_cells(verdict.case), outcome, heard))} |\n"


def _ways(verdicts: Sequence[Verdict]) -> str:
    lines = ["| way | " + " | ".join(f"{who} leaves" for who in Who) + " |\n|---|---|---|---|\n"]
    for how in How:
        cells = []
        for who in Who:
            mine = [one for one in verdicts if (_how(one.case), one.case.who) == (how, who)]
            right = sum(not one.faults for one in mine)
            cells.append(f"{right} of {len(mine)}" if mine else "–")
        lines.append(f"| {how} | {' | '.join(cells)} |\n")
    return "".join(lines)


def _how(case: Case) -> str:
    return case.how if isinstance(case, OtherCase) else ""


def other_cells(case: OtherCase) -> tuple[str, ...]:
    """As `case_cells`, of a case of another way."""
    number, *rest = case_cells(case)
    came = ", ".join(outcome for _, outcome in case.transfers)
    return (number, case.how, *rest, came)


def _other_row(verdict: Verdict) -> str:
    assert isinstance(verdict.case, OtherCase)
    *cells, came = other_cells(verdict.case)
    heard = f"{max(0.0, verdict.to_hear):.1f}" if verdict.to_hear is not None else ""
    return f"| {' | '.join((*cells, came if not verdict.faults else '**fault**', heard))} |\n"


def _kinds(verdicts: Sequence[Verdict]) -> str:
    def kind(verdict: Verdict) -> tuple[str, ...]:
        return case_cells(verdict.case)[1:4]

    rows = []
    for cells, group in groupby(sorted(verdicts, key=kind), kind):
        those = list(group)
        lost, leaked = sum(one.lost for one in those), sum(len(one.leaked) for one in those)
        rows.append(f"| {' | '.join(cells)} | {len(those)} | {lost} | {leaked} |\n")
    return "".join(rows)


def _faults(faults: Sequence[str]) -> str:
    if not faults:
        return ""
    return "\n## Faults of this run\n\n" + "".join(f"- {fault}\n" for fault in faults)
