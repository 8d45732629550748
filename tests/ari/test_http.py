import pytest

from callrouter.ari.errors import AriUnsuitable
from callrouter.ari.http import MINIMUM_VERSION, parse_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("22.10.1+dfsg+~cs6.17.60671434-1", (22, 10, 1)),
        ("22.10.1", (22, 10, 1)),
        ("23.0.0-rc1", (23, 0, 0)),
        ("22.9.0", (22, 9, 0)),
    ],
)
def test_versions(text: str, version: tuple[int, int, int]) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize("text", ["", "GIT-master-abc", "certified-20.7-cert5", "22"])
def test_builds_that_do_not_say_their_release(text: str) -> None:
    with pytest.raises(AriUnsuitable, match=r"22\.10\.1 or later"):
        parse_version(text)


def test_versions_compare_by_number() -> None:
    assert parse_version("22.9.9") < MINIMUM_VERSION < parse_version("22.11.0")
