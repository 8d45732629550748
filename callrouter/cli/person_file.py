"""One person's rows and sounds, in files that nobody else can read."""

import json
import os
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from callrouter.store import sound

if TYPE_CHECKING:
    from callrouter.store.voice import Sound

DATA: Final = "data.json"
"""Name of the rows within an archive."""


def write(
    output: Path,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    sounds: "Sequence[Sound]",
    spools: Sequence[Path],
) -> list[str]:
    """Write an archive (`….zip`), or JSON with a folder `…-sound` beside it where there is sound.

    Returns the ids of sounds that no spool folder holds. Raises OSError; files are never overwritten.
    """
    found = {one.id: sound.find(one.file, spools) for one in sounds}
    there = {id: file for id, file in found.items() if file is not None}
    text = json.dumps(rows, ensure_ascii=False, indent=1)
    output.touch(mode=0o600, exist_ok=False)
    if output.suffix.lower() == ".zip":
        with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(DATA, text)
            for id, file in there.items():
                archive.write(file, f"sound/{id}{file.suffix}")
    else:
        output.write_text(text, encoding="utf-8")
        if there:
            _copy(there, output.with_name(f"{output.stem}-sound"))
    return sorted(found.keys() - there.keys())


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for id, file in files.items():
        target = folder / f"{id}{file.suffix}"
        with (
            file.open("rb") as source,
            os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out,
        ):
            shutil.copyfileobj(source, out)
