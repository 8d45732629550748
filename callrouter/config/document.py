"""YAML documents with marks: read, typed, and every fault with file, line and column."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from yaml.nodes import Node, ScalarNode

from callrouter.config.faults import ConfigError, Fault
from callrouter.config.tree import Builder, Plain, child, compose
from callrouter.config.validation import parse

__all__ = ["ConfigError", "Document", "Fault", "parse", "read_document"]

MAX_BYTES: Final = 2_000_000
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Document:
    """A configuration file as plain data (`root`); keys are text, values typed by YAML 1.2's core rules."""

    def __init__(self, name: str, text: str, root: Plain, node: Node | None) -> None:
        self.name = name
        self.text = text
        self.root = root
        self._node = node

    def position(self, path: Sequence[str | int], key: bool = False) -> tuple[int, int]:
        """(line, column), from 1, of the value at `path`, or of its key.

        A path that leads nowhere gives the place of its deepest existing part;
        steps that name no child (a union's branch, say) are passed over.
        """
        _, mark_node = self._walk(path, key)
        if mark_node is None:
            return 1, 1
        return mark_node.start_mark.line + 1, mark_node.start_mark.column + 1

    def source(self, path: Sequence[str | int]) -> str | None:
        """The text of the scalar at `path` as it was written, None if there is no scalar."""
        node, _ = self._walk(path, False)
        return node.value if isinstance(node, ScalarNode) else None

    def trodden(self, path: Sequence[str | int]) -> tuple[str | int, ...]:
        """`path` without the steps that name nothing in this document."""
        node, kept = self._node, []
        for step in path:
            found = child(node, step) if node is not None else None
            if found is not None:
                kept.append(step)
                node = found[1]
        return tuple(kept)

    def fault(self, path: Sequence[str | int], message: str, hint: str = "", *, key: bool = False) -> Fault:
        """A fault at the value (or key) at `path`."""
        return Fault(self.name, *self.position(path, key), message, hint)

    def _walk(self, path: Sequence[str | int], key: bool) -> tuple[Node | None, Node | None]:
        node = mark = self._node
        for step in path:
            found = child(node, step) if node is not None else None
            if found is not None:
                node = found[1]
                mark = found[0] if key else found[1]
        return node, mark


def read_document(source: Path | str, name: str = "") -> Document:
    """Read a file (a `Path`) or a text (a `str`, then `name` stands for the file in faults).

    Raises ConfigError with every fault: unreadable file, more than 2 MB, not
    UTF-8, control characters, syntax, duplicate keys, cyclic anchors, alias
    bombs, nesting too deep.
    """
    name = name or (str(source) if isinstance(source, Path) else "<text>")
    text = _decode(_read(source, name), name) if isinstance(source, Path) else source
    if len(text) > MAX_BYTES:
        raise ConfigError([_too_big(name)])
    if odd := _UNPRINTABLE.search(text):
        line, column = _line_column(text, odd.start())
        raise ConfigError(
            [Fault(name, line, column, f"control character U+{ord(odd.group()):04X}", "Remove it")]
        )
    node = compose(text, name)
    builder = Builder(name)
    root = builder.build(node) if node is not None else None
    if builder.faults:
        raise ConfigError(builder.faults)
    return Document(name, text, root, node)


def _read(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            [Fault(name, 0, 0, f"cannot be read: {reason}", "Check the path and its rights")]
        ) from None
    if len(data) > MAX_BYTES:
        raise ConfigError([_too_big(name)])
    return data


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        line, column = _line_column(before, len(before))
        message = f"not UTF-8 (byte 0x{data[error.start]:02X})"
        raise ConfigError(
            [Fault(name, line, column, message, "Save the file as UTF-8, not GBK or UTF-16")]
        ) from None


def _too_big(name: str) -> Fault:
    return Fault(name, 0, 0, f"larger than {MAX_BYTES // 1_000_000} MB", "Split it into several files")


def _line_column(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
