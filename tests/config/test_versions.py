"""The version in force."""

from callrouter.config.faults import Fault
from callrouter.config.versions import KEPT, Versions, digest_of


def files(text: str) -> dict[str, bytes]:
    return {"a.yaml": text.encode()}


def test_swap_refusal_and_going_back() -> None:
    versions = Versions("one", files("1"), 10.0, "start")
    held = versions.current
    change = versions.apply("two", files("2"), 11.0, "li", ["menu: key 3 now leads to x"])
    assert (change.what, change.by, change.before) == ("applied", "li", digest_of(files("1")))
    assert (versions.current, held) == ("two", "one")
    refused = versions.refuse([Fault("a.yaml", 3, 1, "bad")], files("3"), 12.0, "file")
    assert (refused.what, refused.words) == ("refused", ("a.yaml:3:1: bad",))
    assert versions.current == "two"
    assert not versions.is_news(files("3")), "the same bad file is not told twice"
    assert versions.refusal == refused
    assert versions.is_news(files("1"))
    assert versions.refusal == refused
    assert not versions.is_news(files("2"))
    assert versions.refusal is None, "what is in force lies there again"
    assert versions.is_news(files("3")), "the same faults again are told again"
    before = versions.before()
    assert before is not None
    assert before.files == files("1")
    assert versions.apply("one again", before.files, 13.0, "li").what == "rolled_back"
    assert versions.apply("same", files("1"), 14.0, "li").what == "unchanged"
    assert versions.current == "one again"
    assert [change.what for change in versions.changes] == ["unchanged", "rolled_back", "refused", "applied"]


def test_everything_is_bounded() -> None:
    versions = Versions(0, files("0"), 0.0, "start")
    for number in range(1, 300):
        versions.apply(number, files(str(number)), float(number), "x")
    assert len(versions.history) == KEPT
    assert len(versions.changes) == 200
    assert versions.find(digest_of(files("299"))[:12]) == versions.version
    assert versions.find(digest_of(files("1"))) is None
    assert versions.find("") is None


def test_digest_tells_names_and_contents_apart() -> None:
    assert digest_of({"a": b"bc"}) != digest_of({"ab": b"c"})
    assert digest_of({"a": b"1", "b": b"2"}) == digest_of({"b": b"2", "a": b"1"})
