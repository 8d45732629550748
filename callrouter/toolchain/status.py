"""What is installed of the tools, for a person and for scripts."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.groups import ASTERISK, DEFAULT, GROUPS, Group
from callrouter.toolchain.locate import (
    Program,
    external_asterisk,
    install_command,
    installed_prefix,
    probe,
    program_in,
)
from callrouter.toolchain.softphone import is_superfluous

State = Literal["installed", "broken", "absent"]


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """One program: where it is and which version, or what is wrong with it."""

    name: str
    version: str = ""
    path: Path | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """One group; `needed` tells that the product does not run without it."""

    name: str
    summary: str
    state: State
    needed: bool
    programs: tuple[ProgramStatus, ...]

    @property
    def how_to_get(self) -> str:
        """What to do when it is absent."""
        group = GROUPS[self.name]
        if is_superfluous(group):
            return "not needed: this Python has pjsua2 itself"
        return f"`{install_command(group)}` fetches it"

    def as_dict(self) -> dict[str, Any]:
        """As JSON wants it."""
        data = asdict(self)
        for program in data["programs"]:
            program["path"] = None if program["path"] is None else str(program["path"])
        return data


def overview(*, check: bool) -> list[GroupStatus]:
    """The state of every group; with `check` each program is started. Never raises for a broken group."""
    return [_group(group, check=check) for group in GROUPS.values()]


def _group(group: Group, *, check: bool) -> GroupStatus:
    needed = group in DEFAULT
    try:
        external = external_asterisk() if group is ASTERISK else None
    except ToolchainError as error:
        fault = ProgramStatus("asterisk", fault=str(error))
        return GroupStatus(group.name, group.summary, "broken", needed, (fault,))
    if external is not None:
        entry = _program(external, group, check=check)
        return GroupStatus(group.name, "an installed Asterisk", _state((entry,)), needed, (entry,))
    found = installed_prefix(group)
    if found is None:
        absent = tuple(ProgramStatus(name) for name in group.programs)
        return GroupStatus(group.name, group.summary, "absent", needed, absent)
    prefix, marker = found
    entries = []
    for name in group.programs:
        try:
            program = program_in(prefix, group, name, marker)
        except ToolchainError as error:
            entries.append(ProgramStatus(name, fault=str(error)))
        else:
            entries.append(_program(program, group, check=check))
    return GroupStatus(group.name, group.summary, _state(entries), needed, tuple(entries))


def _program(program: Program, group: Group, *, check: bool) -> ProgramStatus:
    if check:
        try:
            probe(program, group.programs[program.name])
        except ToolchainError as error:
            return ProgramStatus(program.name, program.version, program.path, str(error))
    return ProgramStatus(program.name, program.version, program.path)


def _state(entries: list[ProgramStatus] | tuple[ProgramStatus, ...]) -> State:
    return "broken" if any(entry.fault for entry in entries) else "installed"
