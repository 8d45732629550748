"""Files that travel with the program: ``asterisk_conf`` and ``ivr_flows``."""

from pathlib import Path

import callrouter


def share_folder(name: str) -> Path:
    """The folder `name`: inside an installed wheel, else beside the sources.

    Raises `FileNotFoundError` when the installation is incomplete.
    """
    package = Path(callrouter.__file__).parent
    for folder in (package / "_share" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{name} is missing from this installation of callrouter: install it again")
