"""A folder whose changes go live: watched, checked, swapped, refused, gone back on."""

import asyncio
import gc
import shutil
import time
from pathlib import Path

import pytest

from callrouter.config.document import ConfigError
from callrouter.config.versions import Change
from callrouter.flow.actions import Answered, MediaFinished, PlayMedia, ToQueue
from callrouter.flow.difference import words_between
from callrouter.flow.loader import load_flows
from callrouter.flow.program import FlowSet
from callrouter.flow.session import CallFacts, FlowSession
from callrouter.live_folder import Archive, LiveFolder
from callrouter.live_site import UnknownFile
from callrouter.site import load_site

SHIPPED = Path(__file__).parents[1] / "ivr_flows"


class Site:
    """A copy of the shipped flows, live."""

    def __init__(self, folder: Path) -> None:
        self.flows = folder / "flows"
        shutil.copytree(SHIPPED, self.flows, ignore=shutil.ignore_patterns("prompts"))
        (self.flows / "prompts").symlink_to(SHIPPED / "prompts")
        self.archive = Archive(folder / "archive")
        self.changes: list[Change] = []
        self.changed = asyncio.Event()
        self.live: LiveFolder[FlowSet] = LiveFolder(
            self.flows, load_flows, self.archive, time.time, self._note, words_between
        )

    def _note(self, change: Change, flows: FlowSet) -> None:
        self.changes.append(change)
        self.changed.set()

    def edit(self, old: str, new: str, file: str = "province.yaml") -> None:
        path = self.flows / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        draft = path.with_name(".draft")
        draft.write_text(text.replace(old, new), encoding="utf-8")
        draft.replace(path)

    async def next_change(self) -> Change:
        await asyncio.wait_for(self.changed.wait(), 20)
        self.changed.clear()
        return self.changes[-1]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def test_a_change_goes_live_by_itself_and_a_bad_one_changes_nothing(site: Site) -> None:
    first = site.live.versions.current
    watching = asyncio.create_task(site.live.run())
    try:
        await asyncio.sleep(0.5)  # the watcher tells nobody when it is ready
        site.edit("1: shift", "1: seat")
        change = await site.next_change()
        assert change.by == f"{site.flows.owner()} (file)"
        assert (change.what, change.words) == (
            "applied",
            ("province: greeting: key 1 leads to seat instead of shift",),
        )
        second = site.live.versions.current
        assert second.version != first.version
        site.edit("silence: shift", "silence: shfit")
        change = await site.next_change()
        assert change.what == "refused"
        assert "no node is called 'shfit'" in change.words[0]
        assert "province.yaml:" in change.words[0]
        assert site.live.versions.current is second
    finally:
        watching.cancel()
        await asyncio.wait({watching})
    assert [row["what"] for row in site.archive.changes()] == ["refused", "applied"]


async def test_going_back_writes_the_files_again(site: Site) -> None:
    before = (site.flows / "province.yaml").read_text(encoding="utf-8")
    first = site.live.versions.version.digest
    site.edit("1: shift", "1: seat")
    (site.flows / "extra.yaml").write_text(before.replace("flow: province", "flow: extra"))
    assert (await site.live.refresh("li")) is not None
    assert set(site.archive.restore(first[:8], site.flows)) == {"province.yaml", "extra.yaml"}
    change = await site.live.refresh("li")
    assert change is not None
    assert (change.what, change.digest) == ("rolled_back", first)
    assert (site.flows / "province.yaml").read_text(encoding="utf-8") == before
    assert await site.live.refresh("li") is None
    with pytest.raises(LookupError):
        site.archive.restore("", site.flows)


async def test_calls_under_way_finish_on_their_version(site: Site) -> None:
    session = FlowSession(site.live.versions.current, "province", CallFacts(call="c", dialled="12345"), 1e9)
    session.start(1e9)
    playing = session.handle(Answered(), 1e9)[-1]
    assert isinstance(playing, PlayMedia)
    site.edit("skills: mandarin", "skills: english")
    change = await site.live.refresh("file")
    assert change is not None
    assert change.what == "applied"
    queued = session.handle(MediaFinished(playing.token), 1e9 + 7)[-1]
    assert isinstance(queued, ToQueue)
    assert queued.skills == "mandarin"
    fresh = FlowSession(site.live.versions.current, "province", CallFacts(call="d", dialled="12345"), 1e9)
    assert fresh.version != session.version


def test_a_service_does_not_start_on_faults(site: Site) -> None:
    site.edit("silence: shift", "silence: shfit")
    with pytest.raises(ConfigError):
        LiveFolder(site.flows, load_flows, site.archive, time.time, site._note)


@pytest.mark.slow
async def test_the_archive_is_bounded_and_survives_a_cut_off_line(site: Site) -> None:
    for number in range(14):
        site.edit("title: ", f"title: {number}")
        await site.live.refresh("x")
    assert len(site.archive.versions()) == 10
    with (site.archive.folder / "changes.jsonl").open("a") as file:
        file.write('{"what": "appl')
    assert len(site.archive.changes()) == 14


# --- over the API


async def test_a_file_is_tried_beside_the_folder_before_it_is_written(site: Site) -> None:
    path = site.flows / "province.yaml"
    before = path.read_bytes()
    good, bad = before.replace(b"1: shift", b"1: seat"), before.replace(b"silence: shift", b"silence: shfit")
    words = ("province: greeting: key 1 leads to seat instead of shift",)
    assert tuple(await site.live.check_file("province.yaml", good)) == words
    with pytest.raises(ConfigError) as refused:
        await site.live.put_file("province.yaml", bad, "hong")
    assert any(str(fault).startswith(f"{path}:") for fault in refused.value.faults)
    assert path.read_bytes() == before
    assert site.changes == []
    change = await site.live.put_file("province.yaml", good, "hong")
    assert (change.what, change.by, change.words) == ("applied", "hong", words)
    assert path.read_bytes() == good
    assert (await site.live.put_file("province.yaml", good, "hong")).what == "unchanged"
    back = await site.live.go_back(change.before, "li")
    assert back is not None
    assert (back.what, back.by, path.read_bytes()) == ("rolled_back", "li", before)
    assert await site.live.reload("li") is None


@pytest.mark.parametrize(
    "name",
    [
        "../province.yaml",
        "/etc/passwd",
        "notes.txt",
        "site/../province.yaml",
        ".hidden.yaml",
        "a/b.yaml",
        "",
        "tests/x.yaml",
    ],
)
async def test_only_files_of_a_site_are_taken(site: Site, name: str) -> None:
    with pytest.raises(UnknownFile):
        await site.live.put_file(name, b"flow: x\n", "mallory")
    assert site.changes == []


async def test_a_new_flow_may_be_put(site: Site) -> None:
    head = b"flow: extra\nlanguages: [zh]\nperson: seat\nstart: seat\n"
    text = head + b"nodes:\n  seat: {queue: {queue: province}}\n"
    change = await site.live.put_file("extra.yaml", text, "hong")
    assert change.what == "applied"
    assert "extra" in site.live.versions.current.flows


def test_what_is_given_up_goes_without_the_collector() -> None:
    """A site is frozen when it is read: a cycle in it would stay for ever."""
    load_site(SHIPPED)
    gc.collect()
    gc.disable()
    try:
        load_site(SHIPPED)
        assert gc.collect() == 0
    finally:
        gc.enable()
