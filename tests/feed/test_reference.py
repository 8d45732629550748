from pathlib import Path

from callrouter.feed.reference import files

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "feed"


def test_the_schemas_are_up_to_date() -> None:
    found = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")}
    assert found == files(), "run `make docs` and commit what it writes"
