"""Two versions of flows, compared in words: what callers and colleagues will notice.

Comments, order of keys and formatting make no difference. A node that only got
another name is recognised by its content.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callrouter.config.document import ConfigError, Fault, read_document

Plain = Mapping[str, Any]
Version = Mapping[str, Plain]
"""Flow id → its document."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One change. `node` is ``""`` for the flow as a whole."""

    flow: str
    node: str
    words: str


def read_version(path: Path) -> Version:
    """A flow's file, or every ``*.yaml`` of a folder. Raises ConfigError when it cannot be read."""
    paths = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    found: dict[str, Plain] = {}
    for one in paths:
        root = read_document(one).root
        if not isinstance(root, dict) or not isinstance(root.get("nodes"), dict):
            raise ConfigError([Fault(str(one), 0, 0, "is not a flow", "A flow has `nodes:`")])
        found[str(root.get("flow", one.stem))] = root
    return found


def differences(old: Version, new: Version) -> list[Difference]:
    """All changes, flow by flow, in the order of the new version."""
    found = [
        Difference(name, "", f"new flow with {len(new[name]['nodes'])} nodes")
        for name in new
        if name not in old
    ]
    found += [Difference(name, "", "flow removed") for name in old if name not in new]
    for name in new:
        if name in old:
            found += _flow(name, old[name], new[name])
    return found


def words_between(old: Path, new: Path) -> list[str]:
    """`differences` of two folders as sentences. Raises ConfigError."""
    found = differences(read_version(old), read_version(new))
    return [f"{difference.flow}: {difference.words}" for difference in found]


def _flow(name: str, old: Plain, new: Plain) -> Iterator[Difference]:
    for key in dict.fromkeys([*old, *new]):
        if key not in ("nodes", "flow"):
            for words in _changed(key, old.get(key), new.get(key)):
                yield Difference(name, "", words)
    before, after = old["nodes"], new["nodes"]
    renamed = _renamed(before, after)
    for source, target in renamed.items():
        yield Difference(name, target, f"{source} is now called {target}")
    for node in after:
        if node not in before and node not in renamed.values():
            yield Difference(name, node, f"new node {node}: {_summary(after[node])}")
    for node in before:
        if node not in after and node not in renamed:
            yield Difference(name, node, f"node removed: {node} ({_verb(before[node])})")
    for node in after:
        if node in before:
            yield from _node(name, node, _with_names(before[node], renamed), after[node])


def _renamed(before: Plain, after: Plain) -> dict[str, str]:
    gone = {name: before[name] for name in before if name not in after}
    come = {name: after[name] for name in after if name not in before}
    found: dict[str, str] = {}
    for source, content in gone.items():
        for target, other in come.items():
            if target not in found.values() and content == other:
                found[source] = target
                break
    return found


def _with_names(value: Any, names: Mapping[str, str]) -> Any:
    """`value` with the new names of renamed nodes, so that following a rename is no change."""
    if not names:
        return value
    if isinstance(value, dict):
        return {key: _with_names(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_names(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def _node(flow: str, node: str, old: Any, new: Any) -> Iterator[Difference]:
    old_verb, new_verb = _verb(old), _verb(new)
    if old_verb != new_verb:
        yield Difference(flow, node, f"{node}: {old_verb} becomes {new_verb}: {_summary(new)}")
        return
    before, after = _body(old), _body(new)
    for key in dict.fromkeys([*before, *after]):
        for words in _changed(key, before.get(key), after.get(key)):
            yield Difference(flow, node, f"{node}: {words}")
    for words in _changed("note", _note(old), _note(new)):
        yield Difference(flow, node, f"{node}: {words}")


def _changed(key: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if key == "keys" and isinstance(old, dict | None) and isinstance(new, dict | None):
        yield from _keys(old or {}, new or {})
    elif isinstance(old, dict) and isinstance(new, dict):
        for inner in dict.fromkeys([*old, *new]):
            yield from _changed(f"{key}.{inner}", old.get(inner), new.get(inner))
    elif old is None:
        yield f"{key} is now {show(new)}"
    elif new is None:
        yield f"{key} is no longer given (it was {show(old)})"
    else:
        yield f"{key}: {show(old)} → {show(new)}"


def _keys(old: Plain, new: Plain) -> Iterator[str]:
    for key in dict.fromkeys([*old, *new]):
        if key not in old:
            yield f"key {key} now leads to {new[key]}"
        elif key not in new:
            yield f"key {key} does nothing any more (it led to {old[key]})"
        elif old[key] != new[key]:
            yield f"key {key} leads to {new[key]} instead of {old[key]}"


def _verb(node: Any) -> str:
    return next((key for key in node if key != "note"), "nothing") if isinstance(node, dict) else "nothing"


def _body(node: Any) -> Plain:
    body = node.get(_verb(node)) if isinstance(node, dict) else None
    return body if isinstance(body, dict) else {}


def _note(node: Any) -> Any:
    return node.get("note") if isinstance(node, dict) else None


def _summary(node: Any) -> str:
    body = _body(node)
    told = ", ".join(f"{key} {show(value)}" for key, value in list(body.items())[:3])
    return f"{_verb(node)} ({told})" if told else _verb(node)


def show(value: Any) -> str:
    """A value as people would write it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(show(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
