"""What the documentation says of the code is what the code says."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> Iterator[ModuleType]:
    """`docs/generate.py`, loaded as `make docs` runs it: with its own folder first on the path."""
    before = set(sys.modules)
    sys.path.insert(0, str(DOCS))
    try:
        spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(DOCS))
        for name in {"models", "states"} - before:
            sys.modules.pop(name, None)


def test_pages_and_pictures_are_up_to_date(generate: ModuleType) -> None:
    names = [str(file.relative_to(DOCS.parent)) for file in generate.outdated()]
    assert not names, "run `make docs` and commit what it writes"


def test_every_section_is_on_some_page(generate: ModuleType) -> None:
    pages = "".join(
        file.read_text(encoding="utf-8") for file in [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]
    )
    assert [name for name in generate.SECTIONS if f"<!-- begin {name} -->" not in pages] == []


def test_a_changed_section_is_noticed(generate: ModuleType) -> None:
    page = "before\n<!-- begin feature-codes -->\nold\n<!-- end feature-codes -->\nafter\n"
    filled = generate.filled(page)
    assert filled.startswith("before\n<!-- begin feature-codes -->\n| keys |")
    assert filled.endswith("<!-- end feature-codes -->\nafter\n")


def test_a_section_that_nobody_writes_is_an_error(generate: ModuleType) -> None:
    with pytest.raises(KeyError):
        generate.filled("<!-- begin unheard-of -->\n<!-- end unheard-of -->\n")


def test_only_what_the_environment_can_set_is_promised(generate: ModuleType) -> None:
    page = generate.settings()
    assert "`CALLROUTER_HTTP__PORT`" in page
    assert "`CALLROUTER_LOG__LEVEL`" in page
    assert "CALLROUTER_HTTP__ALLOWED_HOSTS" not in page
    assert page.count("CALLROUTER_STATE_DIR") == 1
