"""Writes the feed's JSON Schemas: `python -m callrouter.feed.reference docs/reference/feed`."""

import json
import sys
from pathlib import Path

from callrouter.feed.messages import TYPES, schema


def files() -> dict[str, str]:
    """File names with their content, one for each type of message."""
    return {
        f"{name}.schema.json": json.dumps(schema(name), ensure_ascii=False, indent=2) + "\n" for name in TYPES
    }


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
