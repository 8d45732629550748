"""The marker of a finished prefix: written last, into the staging folder, before the folder gets its final
name.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

FILE_NAME: Final = "callrouter-manifest.json"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package of a prefix; size in bytes of the archive, unpacked in bytes (from Installed-Size)."""

    name: str
    version: str
    sha256: str
    size: int
    unpacked: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands in a prefix, and from where. `digest` is that of the group's definition."""

    group: str
    digest: str
    architecture: str
    mirror: str
    suite: str
    installed_at: float
    packages: tuple[Package, ...]
    versions: dict[str, str]

    def write(self, prefix: Path) -> None:
        """Write the marker file into a prefix."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False)
        (prefix / FILE_NAME).write_text(text + "\n", encoding="utf-8")


def read(prefix: Path) -> Manifest | None:
    """The marker of a prefix, or None when there is none that this version understands."""
    try:
        data: dict[str, Any] = json.loads((prefix / FILE_NAME).read_text(encoding="utf-8"))
        if data.pop("format", None) != FORMAT:
            return None
        packages = tuple(Package(**entry) for entry in data.pop("packages"))
        return Manifest(packages=packages, **data)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
