"""Differences in words."""

from pathlib import Path

import pytest

from callrouter.config.document import ConfigError, read_document
from callrouter.flow.difference import Plain, differences, read_version

OLD = """
flow: hotline
person: seat
start: menu
languages: [zh]
nodes:
  menu: {menu: {prompt: [hello], keys: {1: news, 2: seat}, wait: 5}}
  news: {play: {prompt: news, next: seat}}
  seat: {queue: {queue: xining, announce: {after: 20}}}
"""


def words(new: str) -> list[str]:
    def root(text: str) -> Plain:
        found = read_document(text).root
        assert isinstance(found, dict)
        return found

    return [d.words for d in differences({"hotline": root(OLD)}, {"hotline": root(new)})]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("person: seat", "# a comment\nperson:   seat", []),
        ("[zh]", "[zh, en]", ["languages: [zh] → [zh, en]"]),
        ("1: news", "1: seat", ["menu: key 1 leads to seat instead of news"]),
        ("1: news, ", "1: news, 3: news, ", ["menu: key 3 now leads to news"]),
        ("1: news, ", "", ["menu: key 1 does nothing any more (it led to news)"]),
        ("wait: 5", "wait: 3", ["menu: wait: 5 → 3"]),
        (", wait: 5", "", ["menu: wait is no longer given (it was 5)"]),
        ("wait: 5", "wait: 5, tries: 3", ["menu: tries is now 3"]),
        ("[hello]", "[hello, {digits: caller}]", ["menu: prompt: [hello] → [hello, {digits: caller}]"]),
        ("after: 20", "after: 30", ["seat: announce.after: 20 → 30"]),
        ("news: {play: {prompt: news, next: seat}}", "news: {hangup: {prompt: bye}}",
         ["news: play becomes hangup: hangup (prompt bye)"]),
        ("news: {play", "news: {note: late, play", ["news: note is now late"]),
    ],
)  # fmt: skip
def test_words(old: str, new: str, told: list[str]) -> None:
    assert words(OLD.replace(old, new)) == told


def test_a_renamed_node_is_one_difference() -> None:
    new = OLD.replace("1: news", "1: tidings").replace("  news: {", "  tidings: {")
    assert words(new) == ["news is now called tidings"]


def test_nodes_and_flows_come_and_go() -> None:
    new = OLD.replace("  news: {play: {prompt: news, next: seat}}", "  other: {set: {values: {a: b}}}")
    assert words(new) == ["new node other: set (values {a: b})", "node removed: news (play)"]
    found = differences({"a": {"nodes": {}}}, {"b": {"nodes": {"x": {}}}})
    assert [d.words for d in found] == ["new flow with 1 nodes", "flow removed"]


def test_what_is_no_flow(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("[1]")
    with pytest.raises(ConfigError, match="is not a flow"):
        read_version(tmp_path)
