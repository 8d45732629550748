"""The tree of organisations as reports see it: what they are called, and which lies under which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from callrouter.cli.state import default_state_dir, fail, settings_of

if TYPE_CHECKING:
    from callrouter.directory import Directory

FILE = Path("site", "directory.yaml")
"""Within a site's folder."""


@dataclass(frozen=True, slots=True)
class Organisations:
    """Empty when the directory cannot be found: then each organisation stands for itself."""

    names: Mapping[str, str] = field(default_factory=dict)
    """What people call an organisation or a line, by its id."""
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """From the topmost organisation down to each one."""

    def ranks(self) -> dict[str, dict[str, str]]:
        """For `kpis`: whom each organisation's calls belong to, by level."""
        return {
            "province": {name: path[0] for name, path in self.paths.items()},
            "prefecture": {name: path[min(1, len(path) - 1)] for name, path in self.paths.items()},
        }

    def with_all_beneath(self, chosen: Sequence[str] | None) -> list[str] | None:
        if chosen is None:
            return None
        beneath = {name for name, path in self.paths.items() if not set(path).isdisjoint(chosen)}
        return sorted(beneath | set(chosen))

    def labels(self) -> dict[str, str]:
        """For people: the id, which files and topics use, with the name."""
        return {key: f"{key} {name}" for key, name in self.names.items()}


def organisations_of(state_dir: Path | None, config: Path | None, *, needed: bool = False) -> Organisations:
    """From the site in the settings, or the last one that was in force in a state directory.

    Ends the command when there is none and it is `needed`.
    """
    from callrouter.config.faults import ConfigError
    from callrouter.directory import load_directory

    folder = site_folder(state_dir, config)
    try:
        if folder is not None:
            return _read(load_directory(folder / FILE))
    except (ConfigError, OSError) as error:
        if needed:
            fail(f"the directory of organisations cannot be read: {error}")
    if needed:
        fail("no directory of organisations is at hand: give --config with the installation's settings")
    return Organisations()


def site_folder(state_dir: Path | None, config: Path | None) -> Path | None:
    """The site of the settings, or what was last in force in a state directory; None: there is none."""
    return settings_of(config).site if config is not None else _last_in_force(state_dir)


def _last_in_force(state_dir: Path | None) -> Path | None:
    from callrouter.live_folder import Archive

    archive = Archive((state_dir or default_state_dir()) / "site-versions")
    versions = archive.versions()
    return archive.folder_of(versions[0]) if versions else None


def _read(directory: "Directory") -> Organisations:
    names = {str(one.id): one.name for one in directory.organisations.values()}
    names |= {str(number): line.name for number, line in directory.lines.items()}
    parents = {str(one.id): one.parent for one in directory.organisations.values()}
    paths = {}
    for name in parents:
        path: list[str] = []
        step: str | None = name
        while step is not None and step not in path:
            path.append(step)
            step = parents.get(step)
        paths[name] = tuple(reversed(path))
    roots = {path[0] for path in paths.values()}
    if len(roots) == 1:
        # Partners' lines tell of their own calls in their own name: the whole tree supervises them.
        paths |= {line: (*roots, line) for line in map(str, directory.lines) if line not in paths}
    return Organisations(names, paths)
