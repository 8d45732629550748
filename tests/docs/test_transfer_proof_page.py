"""The proof's page is of today's cases, and of a run without a fault."""

import re
from pathlib import Path

from tests.asterisk.transfer_proof import others
from tests.asterisk.transfer_proof.crowd import CROWD
from tests.asterisk.transfer_proof.page import case_cells, other_cells
from tests.asterisk.transfer_proof.plan import CASES, LEFT_ALREADY, Scene, Who

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "transfer-proof.md").read_text(encoding="utf-8")
LINES = [line for line in PAGE.splitlines() if line.startswith("| ")]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES]


def row(name: str) -> list[str]:
    return next(cells[1:] for cells in ROWS if cells[0] == name)


def test_the_page_is_of_todays_plan() -> None:
    cases = {cells[0]: tuple(cells) for cells in ROWS if cells[0].isdigit()}
    of_matrix = {number: cells[:5] for number, cells in cases.items() if int(number) <= len(CASES)}
    assert of_matrix == {str(case.number + 1): case_cells(case) for case in CASES}, "run `make proof`"
    of_others = {number: cells[:7] for number, cells in cases.items() if number not in of_matrix}
    assert of_others == {str(case.number + 1): other_cells(case) for case in others.CASES}, "run `make proof`"


def test_the_page_is_of_a_run_without_a_fault() -> None:
    assert row("callers lost") == ["0", "0", "0"]
    assert row("channels, bridges and calls left behind") == ["0", "0", "0"]
    assert row("records and seats' times that are not exact") == ["0", "0", "0"]
    assert row("cases with any fault") == [
        f"0 of {len(CASES)}",
        f"0 of {len(others.CASES)}",
        f"0 of {CROWD}",
    ]
    assert "**fault**" not in PAGE
    assert re.search(r"On \d{4}-\d\d-\d\d \d\d:\d\d UTC, with\s+Asterisk 22\.\d+\.\d+", PAGE)


def test_every_state_and_party_has_its_field() -> None:
    for scene in Scene:
        for who, cell in zip(Who, row(str(scene)), strict=True):
            count = sum((case.scene, case.who) == (scene, who) for case in CASES)
            assert cell == LEFT_ALREADY.get((scene, who), f"{count} of {count}")


def test_every_other_way_has_its_row() -> None:
    for how in others.How:
        for who, cell in zip(Who, row(str(how)), strict=True):
            count = sum((case.how, case.who) == (how, who) for case in others.CASES)
            assert cell == (f"{count} of {count}" if count else "–")
