import pytest

from callrouter.directory.partners import DirectoryPartners
from tests.router.world import site

PARTNERS = DirectoryPartners(lambda: site().directory)


def test_partners_are_lines_and_organisations() -> None:
    assert PARTNERS.organisation("12315") == "12315"
    assert PARTNERS.organisation("xining") == "xining"
    for nobody in ("", "..", "12345", "99999"):
        assert PARTNERS.organisation(nobody) is None


@pytest.mark.parametrize(
    ("partner", "line", "may"),
    [
        ("12315", "12315", True),
        ("12315", "4008123315", True),
        ("12315", "12333", False),
        ("12315", "12345", False),
        ("12315", "097112345", False),
        ("xining", "097112345", True),
        ("xining", "097212345", False),
        ("xining", "12345", False),
        ("xining", "12315", True),
        ("xining", "8211111", True),
        ("province", "097112345", True),
        ("province", "12345", True),
    ],
)
def test_nobody_speaks_of_anothers_calls(partner: str, line: str, may: bool) -> None:
    assert PARTNERS.answers(partner, line) is may
