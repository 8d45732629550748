"""Links between pages lead somewhere, and examples are what the code accepts."""

import re
import shutil
from pathlib import Path

import pytest

from callrouter.config.document import parse, read_document
from callrouter.settings import load_settings
from callrouter.site import check_site
from simulators.sip_load.scenario import read_scenario

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "asterisk_conf/README.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What a link may name after `#`: headings as GitHub writes them, and explicit ids."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def example(page: str, number: int = 0) -> str:
    """A YAML example of a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[number]


def test_the_settings_of_production_are_settings(tmp_path: Path) -> None:
    file = tmp_path / "callrouter.yaml"
    file.write_text(example("howto/production.md"), encoding="utf-8")
    settings = load_settings(file, {})
    assert settings.asterisk[0].ari_password_file == tmp_path / "ari-password"
    assert settings.site == tmp_path / "site"


def test_what_is_commented_out_there_is_right_too(tmp_path: Path) -> None:
    file = tmp_path / "callrouter.yaml"
    text = re.sub(r"^# ", "", example("howto/production.md"), flags=re.MULTILINE)
    file.write_text(text, encoding="utf-8")
    settings = load_settings(file, {})
    assert settings.database.startswith("postgresql+asyncpg://")
    assert settings.lookups["orders"].kind == "http"


def test_the_first_load_scenario_is_one(tmp_path: Path) -> None:
    file = tmp_path / "first.yaml"
    file.write_text(example("howto/load-testers.md"), encoding="utf-8")
    assert read_scenario(file).callers[0].dial == "12345"


@pytest.mark.parametrize(("number", "part"), [(0, "directory"), (1, "floor"), (2, "floor"), (4, "floor")])
def test_what_engineers_are_shown_fits_the_sites_files(number: int, part: str, tmp_path: Path) -> None:
    from callrouter.directory.schema import DirectoryFile
    from callrouter.site.floor import FloorFile

    model = {"directory": DirectoryFile, "floor": FloorFile}[part]
    file = tmp_path / "part.yaml"
    file.write_text(example("howto/engineers.md", number), encoding="utf-8")
    document = read_document(file)
    whole = parse(read_document(ROOT / "ivr_flows" / "site" / f"{part}.yaml"), model)
    for name, entries in document.root.items():
        field = model.model_fields[name].annotation
        assert field is not None
        kind = field.__args__[1]  # type: ignore[union-attr]
        assert getattr(whole, name)
        for key in entries:
            parse(document, kind, (name, key))


def test_the_queue_with_opening_hours_passes_the_check(tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(ROOT / "ivr_flows", site)
    more = "\n  hello: {play: {prompt: please_hold, next: specialist}}\n  seat: {queue: {queue: province}}"
    nodes = example("howto/engineers.md", 3).replace("nodes:", "nodes:" + more)
    top = "flow: office\nlanguages: [zh]\nperson: seat\nstart: hello\n"
    (site / "office.yaml").write_text(top + nodes, encoding="utf-8")
    floor = site / "site" / "floor.yaml"
    shown = example("howto/engineers.md", 2).removeprefix("queues:\n")
    text, count = re.subn(r"  specialist:\n(    .*\n)+", shown, floor.read_text(encoding="utf-8"))
    assert count == 1
    floor.write_text(text, encoding="utf-8")
    assert check_site(site, audio=False).faults == ()
    (site / "office.yaml").write_text((top + nodes).replace(", closed: seat", ""), encoding="utf-8")
    (fault,) = check_site(site, audio=False).faults
    assert "queue 'specialist' has opening hours" in str(fault)
