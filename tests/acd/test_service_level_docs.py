from pathlib import Path

from acd.service_level import FIGURES

PAGE = Path(__file__).parents[2] / "docs" / "topics" / "records.md"


def test_the_page_names_every_figure_with_its_formula() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for figure in FIGURES:
        assert f"| `{figure.name}` | {figure.chinese} | {figure.formula} |" in page
