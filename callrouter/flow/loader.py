"""Flow files into a `FlowSet`: the only part of this package that reads files.

`read_flows` gathers every fault and keeps what is sound, for the checker;
`load_flows` is for running: all or nothing.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from callrouter.config.document import ConfigError, Document, Fault, parse, read_document
from callrouter.flow.calendar import Calendar, CalendarFile, YearModel, calendars
from callrouter.flow.check import check
from callrouter.flow.check_names import Known
from callrouter.flow.compiling import compile_draft
from callrouter.flow.program import DEFAULT_QUEUE, Flow, FlowSet
from callrouter.flow.prompts import Catalogue, Ledger
from callrouter.flow.reading import Reading, no_collection
from callrouter.flow.voice import CatalogueVoice


def load_flows(folder: Path, catalogue: Catalogue | None = None, known: Known | None = None) -> FlowSet:
    """All flows of a folder, checked, ready to run. Raises ConfigError with every error at once.

    `catalogue` is read from ``folder/prompts`` when not given; `known` lets
    queues, lines and the like be checked. Missing audio is no reason to refuse:
    the prompt is left out and the caller goes on.
    """
    reading = read_flows(folder, catalogue)
    errors = check(reading, known, audio=False).errors
    if errors or reading.catalogue is None:
        raise ConfigError(errors)
    return flow_set(reading, reading.catalogue)


def flow_set(reading: Reading, catalogue: Catalogue) -> FlowSet:
    """The sound flows of a reading, without further checks."""
    voice = CatalogueVoice(catalogue)
    return FlowSet(reading.flows, voice, reading.digest, DEFAULT_QUEUE, reading.calendars)


@no_collection()
def read_flows(folder: Path, catalogue: Catalogue | None = None) -> Reading:
    """Read every ``*.yaml`` directly in `folder`. Never raises ConfigError."""
    faults: list[Fault] = []
    flows: dict[str, Flow] = {}
    documents: dict[str, Document] = {}
    digest = hashlib.sha256()
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        faults.append(Fault(str(folder), 0, 0, "holds no flow (*.yaml)", "Give the folder of the flows"))
    for path in paths:
        try:
            document = read_document(path)
        except ConfigError as error:
            faults += error.faults
            continue
        flow, found_faults = compile_draft(document)
        faults += found_faults
        if flow is None:
            continue
        digest.update(f"{path.name}\0{document.text}\0".encode())
        if flow.id != path.stem:
            hint = f"Rename the file to {flow.id}.yaml, or the flow to {path.stem}"
            faults.append(document.fault(["flow"], f"flow {flow.id!r} lies in {path.name}", hint))
        flows[flow.id], documents[flow.id] = flow, document
    found, calendar_documents = _calendars(folder / "site", faults)
    for document in sorted({id(d): d for d in calendar_documents.values()}.values(), key=lambda d: d.name):
        digest.update(f"{document.name}\0{document.text}\0".encode())
    if catalogue is None:
        try:
            catalogue = read_catalogue(folder / "prompts")
        except ConfigError as error:
            faults += error.faults
    if catalogue is not None:
        digest.update(catalogue.ledger.model_dump_json().encode())
    return Reading(
        flows, documents, catalogue, found, calendar_documents, tuple(faults), digest.hexdigest()[:16],
        tuple(_passed_over(folder)),
    )  # fmt: skip


def _passed_over(folder: Path) -> Iterator[Fault]:
    for path in sorted([*folder.glob("*.yml"), *(folder / "site").glob("*.yml")]):
        message, hint = "is not read, because of its name", f"Rename it to {path.stem}.yaml"
        yield Fault(str(path), 0, 0, message, hint)


def _calendars(folder: Path, faults: list[Fault]) -> tuple[dict[str, Calendar], dict[str, Document]]:
    files: list[tuple[Document, CalendarFile]] = []
    years: dict[int, YearModel] = {}
    for path in sorted(folder.glob("calendar*.yaml")):
        try:
            document = read_document(path)
            file = parse(document, CalendarFile)
        except ConfigError as error:
            faults += error.faults
            continue
        files.append((document, file))
        years |= file.years
    found: dict[str, Calendar] = {}
    documents: dict[str, Document] = {}
    for document, file in files:
        for name in file.calendars:
            if name in found:
                message = f"calendar {name!r} is also in {documents[name].name}"
                faults.append(document.fault(["calendars", name], message, "Choose another name", key=True))
            documents[name] = document
        found |= calendars(file, years)
    return found, documents


def read_catalogue(folder: Path) -> Catalogue:
    """The prompt catalogue with the audio that is really there. Raises ConfigError."""
    document = read_document(folder / "catalogue.yaml")
    return Catalogue(document, _ledger(folder / "rendered.json"), dict(_audio(folder)), str(folder.resolve()))


def _ledger(path: Path) -> Ledger:
    try:
        return Ledger.model_validate_json(b'{"audio": ' + path.read_bytes() + b"}")
    except FileNotFoundError:
        return Ledger()
    except OSError as error:
        raise ConfigError([Fault(str(path), 0, 0, f"cannot be read: {error.strerror}")]) from None
    except ValidationError:
        hint = "Restore it from version control, or delete it and render and import again"
        raise ConfigError([Fault(str(path), 0, 0, "not a ledger that these tools wrote", hint)]) from None


def _audio(folder: Path) -> Iterator[tuple[tuple[str, str], str]]:
    for path in folder.glob("*/*.wav"):
        if not path.name.startswith("."):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            yield (path.parent.name, path.stem), digest
