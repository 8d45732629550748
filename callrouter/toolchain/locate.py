"""Where an installed program is and how it is started: what the rest of the product asks of the tools."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from callrouter.toolchain import manifest as manifests
from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.groups import ASTERISK, DEFAULT, GROUPS, MINIMUM_ASTERISK, Group, ProgramSpec
from callrouter.toolchain.paths import ARCHITECTURES, Architecture, library_folders, tools_home
from callrouter.toolchain.prefix import WRAPPED

CURRENT: Final = "current"
EXTERNAL_ASTERISK: Final = "asterisk.json"
_START_SECONDS: Final = 20.0
_AS_ANOTHER_USER: Final = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
"""util-linux: root becomes `nobody` to the program alone, so that root's private folders stay readable to
it.
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that can be started: `command(...)` is its argv, `environment()` what to start it with.

    `path` is the binary; `argv` names the prefix's own loader and libraries before it; `prefix` is None for a
    program of the machine.
    """

    name: str
    path: Path
    argv: tuple[str, ...]
    version: str
    prefix: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def command(self, *arguments: str | os.PathLike[str]) -> list[str]:
        """The full argument vector."""
        return [*self.argv, *(os.fspath(argument) for argument in arguments)]

    def environment(self) -> dict[str, str]:
        """This process's environment with what the program needs besides."""
        return {**os.environ, **self.env}


@dataclass(frozen=True, slots=True)
class AsteriskFiles:
    """Asterisk and the folders that its configuration must name.

    `data` is its astdatadir; `sounds` holds one folder for each language (`en`), `music` the music on hold,
    `rest_api` Asterisk's own description of ARI.
    """

    program: Program
    modules: Path
    data: Path
    sounds: Path
    music: Path
    rest_api: Path


def install_command(group: Group) -> str:
    """What to run to have a group."""
    return "callrouter tools install" + ("" if group in DEFAULT else f" --with {group.name}")


def installed_prefix(group: Group) -> tuple[Path, manifests.Manifest] | None:
    """The finished prefix of a group and its marker, or None. An outdated one counts as absent."""
    prefix = tools_home() / group.name / CURRENT
    marker = manifests.read(prefix)
    if marker is None or marker.architecture not in ARCHITECTURES:
        return None
    if marker.digest != group.digest(marker.architecture):
        return None
    return prefix.resolve(), marker


def loader_argv(prefix: Path, architecture: Architecture, path: Path) -> tuple[str, ...]:
    """Argument vector that runs a binary with its prefix's own loader and libraries."""
    folders = ":".join(map(str, library_folders(prefix, architecture)))
    return str(prefix / architecture.loader), "--library-path", folders, "--argv0", str(path), str(path)


def program_in(prefix: Path, group: Group, name: str, marker: manifests.Manifest) -> Program:
    """A program of a prefix. Raises ToolchainError when its file is gone."""
    spec, architecture = group.programs[name], ARCHITECTURES[marker.architecture]
    path = prefix / spec.path.format(triplet=architecture.triplet)
    wrapped = path.with_name(path.name + WRAPPED).is_file()
    argv = (str(path),) if wrapped else loader_argv(prefix, architecture, path)
    if not (path.is_file() and os.path.exists(argv[0])):
        raise ToolchainError(f"{path} has vanished: run `{install_command(group)}`")
    if spec.refuses_root and os.geteuid() == 0:
        argv = (*_AS_ANOTHER_USER, *argv)
    env = {key: value.format(prefix=prefix, triplet=architecture.triplet) for key, value in spec.env.items()}
    return Program(name, path, argv, marker.versions.get(name, ""), prefix, env)


def locate(name: str) -> Program:
    """Find an installed program by its name, as `callrouter tools status` lists them.

    Raises ToolchainError with the command to run when it is not installed, and KeyError for a name of no
    group.
    """
    if name == "asterisk" and (external := external_asterisk()) is not None:
        return external
    group = next((one for one in GROUPS.values() if name in one.programs), None)
    if group is None:
        raise KeyError(name)
    found = installed_prefix(group)
    if found is None:
        raise ToolchainError(f"{name} is not installed: run `{install_command(group)}`")
    prefix, marker = found
    return program_in(prefix, group, name, marker)


def probe(program: Program, spec: ProgramSpec) -> str:
    """Start a program as its specification says; its version. Raises ToolchainError when it does not run."""
    try:
        done = subprocess.run(
            program.command(*spec.check),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=program.environment(),
            timeout=_START_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainError(f"{program.name} does not start: {error}") from error
    output = done.stdout.decode(errors="replace")
    found = re.search(spec.version, output, re.MULTILINE)
    if found is None:
        lines = output.strip().splitlines()
        raise ToolchainError(
            f"{program.name} does not start: {lines[0][:300] if lines else 'it printed nothing'}"
        )
    return found[1]


def check_asterisk_version(version: str, where: str) -> None:
    """Raise ToolchainError when an Asterisk is older than what the product needs."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if numbers < MINIMUM_ASTERISK:
        needed = ".".join(map(str, MINIMUM_ASTERISK))
        raise ToolchainError(
            f"{where} is Asterisk {version}, but {needed} or newer is needed "
            "(older ones deadlock under ARI load)"
        )


def machine_asterisk(path: Path) -> Program:
    """An Asterisk of the machine, checked to start and to be new enough. Raises ToolchainError."""
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise ToolchainError(f"--asterisk {path}: no such program")
    spec = ASTERISK.programs["asterisk"]
    version = probe(Program("asterisk", path, (str(path),), ""), spec)
    check_asterisk_version(version, str(path))
    return Program("asterisk", path, (str(path),), version)


def external_asterisk() -> Program | None:
    """The Asterisk named with `tools install --asterisk`, or None. Raises ToolchainError when it is gone."""
    try:
        data = json.loads((tools_home() / EXTERNAL_ASTERISK).read_text(encoding="utf-8"))
        path, version = Path(data["path"]), str(data["version"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ToolchainError(
            f"{tools_home() / EXTERNAL_ASTERISK} is damaged: run `callrouter tools install --asterisk PATH`"
        ) from error
    if not path.is_file():
        raise ToolchainError(
            f"{path} is gone: run `callrouter tools install`, with or without --asterisk PATH"
        )
    return Program("asterisk", path, (str(path),), version)


def asterisk_files() -> AsteriskFiles:
    """Asterisk with its modules, sounds and music. Raises ToolchainError when something is not there."""
    program = locate("asterisk")
    root = program.prefix or program.path.parent.parent.parent
    candidates = [root / "usr/share/asterisk", root / "share/asterisk", root / "var/lib/asterisk"]
    if program.prefix is None:
        candidates.append(Path("/var/lib/asterisk"))
    data = _first(candidates, "sounds", "data folder (with sounds/)", program)
    libraries = [*sorted((root / "usr/lib").glob("*/asterisk")), root / "usr/lib/asterisk"]
    if program.prefix is None:
        libraries += [program.path.parent.parent / "lib/asterisk", Path("/usr/lib/asterisk")]
    modules = _first(libraries, "modules", "modules folder", program) / "modules"
    return AsteriskFiles(program, modules, data, data / "sounds", data / "moh", data / "rest-api")


def _first(folders: list[Path], content: str, what: str, program: Program) -> Path:
    for folder in folders:
        if (folder / content).is_dir():
            return folder
    raise ToolchainError(
        f"{program.path} has no {what} beside it (looked in {', '.join(map(str, folders))}): "
        "run `callrouter tools install` without --asterisk"
    )
