"""Models out of a REST description: small ones here, Asterisk's own in tests/asterisk."""

import json
import sys
import types
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callrouter.ari.generate import DescriptionError, load, main, render

EVENTS: dict[str, Any] = {
    "models": {
        "Event": {"subTypes": ["Hup"], "properties": {"at": {"type": "Date", "required": True}}},
        "Message": {"subTypes": ["Event"], "properties": {"type": {"type": "string", "required": True}}},
        "Hup": {
            "properties": {
                "line": {"type": "Line", "required": True},
                "other": {"type": "Line"},
                "cause": {"type": "int", "required": True},
                "notes": {"type": "List[string]"},
                "from": {"type": "string", "required": True},
                "free": {"type": "object"},
            }
        },
    }
}
LINES: dict[str, Any] = {
    "models": {
        "Line": {
            "properties": {
                "id": {"type": "string", "required": True},
                "up": {"type": "boolean"},
                "next": {"type": "Line", "required": True},
            }
        }
    }
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "events.json").write_text(json.dumps(EVENTS))
    (tmp_path / "lines.json").write_text(json.dumps(LINES))
    (tmp_path / "resources.json").write_text(json.dumps({"apis": []}))
    return tmp_path


@pytest.fixture
def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The generated module's names; msgspec looks its types up in `sys.modules`."""
    module = types.ModuleType("generated")
    monkeypatch.setitem(sys.modules, "generated", module)
    exec(render(load(folder)), module.__dict__)
    return vars(module)


def test_events_are_a_tagged_union(made: dict[str, Any]) -> None:
    event = msgspec.json.decode(
        b'{"type":"Hup","line":{"id":"1"},"cause":3,"from":"x","free":{"a":[1]},"unheard":1}',
        type=made["AnyEvent"],
    )
    assert type(event) is made["Hup"]
    assert (event.line.id, event.cause, event.from_, event.notes, event.other) == ("1", 3, "x", [], None)
    assert isinstance(event, made["Event"])
    assert isinstance(event, made["Message"])


def test_only_identifiers_and_objects_are_required(made: dict[str, Any]) -> None:
    event = msgspec.json.decode(b'{"type":"Hup","line":{"id":"1"}}', type=made["AnyEvent"])
    assert (event.cause, event.from_, event.at, event.line.up, event.line.next) == (0, "", "", False, None)
    for damaged in (b'{"type":"Hup"}', b'{"type":"Hup","line":{}}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(damaged, type=made["AnyEvent"])


def test_a_type_that_is_not_understood_is_named(folder: Path) -> None:
    (folder / "odd.json").write_text(json.dumps({"models": {"Odd": {"properties": {"x": {"type": "fish"}}}}}))
    with pytest.raises(DescriptionError, match="fish"):
        render(load(folder))


def test_two_files_that_disagree(folder: Path) -> None:
    (folder / "odd.json").write_text(json.dumps({"models": {"Line": {"properties": {}}}}))
    with pytest.raises(DescriptionError, match="Line"):
        load(folder)


def test_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = folder / "out.py"
    assert main([str(folder), str(output)]) == 0
    assert "class Hup(Event" in output.read_text()
    assert main([]) == 2
    assert main([str(folder / "nothing"), str(output)]) == 2
    assert "no REST description" in capsys.readouterr().err
