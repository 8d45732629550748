"""What a waiting caller is told, word by word."""

from pathlib import Path

import pytest

from callrouter.site import load_site
from callrouter.site.site import Site


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(Path(__file__).parents[2] / "ivr_flows")


def said(site: Site, position: int | None, wait: float | None, language: str = "zh") -> str:
    names = [media.rpartition("/")[2] for media in site.waiting(position, wait, language)]
    catalogue = site.flows.voice.catalogue  # type: ignore[attr-defined]
    return "".join(catalogue.text(name, "zh") for name in names)


@pytest.mark.parametrize(
    ("position", "wait", "words"),
    [
        (3, 61.0, "您前面还有两位来电人，请您稍候。预计等待两分钟"),
        (13, 720.0, "您前面还有十二位来电人，请您稍候。预计等待十二分钟"),
        (3, None, "您前面还有两位来电人，请您稍候。"),
        (2, 5.0, "您前面还有一位来电人，请您稍候。预计等待时间不到一分钟。"),
        (2, 4000.0, "您前面还有一位来电人，请您稍候。预计等待时间较长。"),
        (1, 300.0, "您是下一位，马上为您接通。"),
    ],
)
def test_people_are_counted_as_people_count(
    site: Site, position: int, wait: float | None, words: str
) -> None:
    assert said(site, position, wait) == words


def test_a_language_without_numbers_hears_them_in_mandarin(site: Site) -> None:
    assert site.waiting(3, 61.0, "en") == site.waiting(3, 61.0, "zh")
    assert site.waiting(None, None, "zh") == site.media("still_waiting")
