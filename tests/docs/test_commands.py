"""The reference page of commands is what the commands say of themselves."""

from callrouter.cli.reference import page
from tests.docs.test_generated import DOCS


def test_the_page_of_commands_is_up_to_date() -> None:
    written = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    assert written == page(), "run `make docs` and commit what it writes"


def test_everything_generated_is_generated_by_make_docs() -> None:
    """Each program that writes a page of the reference is run by the one command for it."""
    makefile = (DOCS.parent / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.partition("\ndocs: ")[2].partition("\n\n")[0]
    programs = ("callrouter.cli.reference", "callrouter.web.reference", "callrouter.feed.reference")
    assert [name for name in programs if f"-m {name} docs/reference/" not in recipe] == []
