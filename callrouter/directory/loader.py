"""From ``site/directory.yaml`` to a `Directory`."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from acd.ids import OrgId
from callrouter.config.document import ConfigError, Document, Fault, parse, read_document
from callrouter.config.validation import did_you_mean
from callrouter.directory import check
from callrouter.directory.model import (
    DatedIngress,
    DatedLine,
    Directory,
    Ingress,
    Organisation,
    Reference,
    Trunk,
)
from callrouter.directory.schema import DirectoryFile, TrunkEntry


def load_directory(path: Path) -> Directory:
    """Read and check a directory file. Raises ConfigError with every fault at once."""
    return read_directory(read_document(path))


def read_directory(document: Document) -> Directory:
    """The directory of a document. Raises ConfigError with every fault at once."""
    file = parse(document, DirectoryFile)
    if found := check.faults(document, file):
        raise ConfigError(found)
    return Directory(
        organisations={
            OrgId(name): Organisation(
                OrgId(name), entry.name, OrgId(entry.parent) if entry.parent else None, entry.areas
            )
            for name, entry in file.organisations.items()
        },
        trunks={name: _trunk(name, entry) for name, entry in file.trunks.items()},
        lines={
            number: DatedLine(number, line.name, line.kind, line.topics, line.entries)
            for number, line in file.lines.items()
        },
        ingresses=_ingresses(file),
        references=tuple(_references(document, file)),
    )


def reference_faults(
    references: Iterable[Reference], known: Mapping[str, Collection[str]]
) -> tuple[Fault, ...]:
    """Faults for names that one file uses and the others don't have; `known`: names by kind."""
    return tuple(
        Fault(
            one.fault.file,
            one.fault.line,
            one.fault.column,
            one.fault.message,
            did_you_mean(one.name, known[one.kind]),
        )
        for one in references
        if one.name not in known[one.kind]
    )


def _trunk(name: str, entry: TrunkEntry) -> Trunk:
    values = entry.model_dump()
    return Trunk(title=values.pop("name"), name=name, **values)


def _ingresses(file: DirectoryFile) -> dict[str, tuple[DatedIngress, ...]]:
    found: defaultdict[str, list[DatedIngress]] = defaultdict(list)
    for entry in file.ingress:
        dated = DatedIngress(
            entry.begins, entry.until, frozenset(entry.trunks), Ingress(entry.organisation, entry.flow)
        )
        for number in entry.numbers:
            found[number].append(dated)
    return {number: tuple(entries) for number, entries in found.items()}


def _references(document: Document, file: DirectoryFile) -> list[Reference]:
    found: list[Reference] = []

    def refer(kind: str, name: str | None, *path: str | int) -> None:
        if name:
            found.append(Reference(kind, name, document.fault(path, f"no {kind} {name!r}")))

    for index, entry in enumerate(file.ingress):
        refer("flow", entry.flow, "ingress", index, "flow")
    for number, line in file.lines.items():
        for index, one in enumerate(line.entries):
            refer("flow", one.flow, "lines", number, "entries", index, "flow")
            refer("calendar", one.hours, "lines", number, "entries", index, "hours")
    return found
