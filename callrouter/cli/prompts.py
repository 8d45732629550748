"""`callrouter prompts`: what callers hear, rendered, imported and listed."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from callrouter.flow.prompts import Catalogue
    from callrouter.speech.environment import VoiceEnvironment
    from callrouter.speech.library import Work
    from callrouter.speech.voice import Voice

FAULTS: Final = 1
UNUSABLE: Final = 2

Folder = Annotated[
    Path | None,
    typer.Option("--folder", metavar="FOLDER", help="Folder with catalogue.yaml; left out: the shipped one."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def register(app: typer.Typer) -> None:
    """Hang `prompts list`, `render`, `import` and `prune` under the command."""
    prompts = typer.Typer(help="What callers hear: rendered, imported, listed.", no_args_is_help=True)
    prompts.command("list")(list_prompts)
    prompts.command("render")(render)
    prompts.command("import")(import_audio)
    prompts.command("prune")(prune)
    app.add_typer(prompts, name="prompts")


def list_prompts(
    language: Annotated[
        list[str] | None, typer.Option("--language", "-l", help="Only this language; may be repeated.")
    ] = None,
    missing: Annotated[bool, typer.Option("--missing", help="Only what is not ready for callers.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="A page for the docs, or a script to record from.")
    ] = False,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Show every prompt with its text, the state of its audio and its length.

    Example: callrouter prompts list --language bo-amdo --missing --markdown > to-record.md
    """
    from callrouter.speech import listing

    with _one_line_errors("list"):
        catalogue = _catalogue(_folder(folder))
        languages = _languages(catalogue, language)
        rows = listing.rows(catalogue, languages, missing=missing)
    if as_json:
        typer.echo(json.dumps(listing.as_data(catalogue, rows), ensure_ascii=False))
    elif markdown:
        typer.echo(listing.as_markdown(catalogue, rows, languages), nl=False)
    else:
        from callrouter.cli.progress import print_table

        cells = [(r.prompt_id, r.language, r.status, f"{r.seconds:.1f}", r.text) for r in rows]
        print_table(("prompt", "language", "audio", "seconds", "text"), cells)
        for line in listing.summary(catalogue, languages):
            typer.echo(line)


def render(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]…", help="Prompts; left out: all whose audio is not up to date."),
    ] = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="Use espeak-ng: there at once, for trying a flow only.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what is up to date.")] = False,
    fresh_voice: Annotated[
        bool, typer.Option("--fresh-voice", help="Install the neural voice anew first.")
    ] = False,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Speak what is new or changed. Recordings are kept unless they are named together with --again.

    The first run installs the neural voice into this user's cache (about 130 MB).

    Example: callrouter prompts render greeting_province
    """
    from callrouter.speech.library import to_render

    with _one_line_errors("render"):
        place = _folder(folder)
        catalogue = _catalogue(place)
        _known(catalogue, ids or ())
        voice = _voice(draft=draft)
        work = to_render(catalogue, voice, only=ids or (), again=again)
        failures: dict[str, str] = {}
        done: list[dict[str, object]] = []
        if work or fresh_voice:
            with _speaking(voice, fresh=fresh_voice):
                done = list(_speak(place, catalogue, work, voice, failures, quiet=as_json))
    if as_json:
        typer.echo(json.dumps({"rendered": done, "failed": failures}, ensure_ascii=False))
    else:
        for prompt_id, reason in failures.items():
            typer.echo(f"callrouter prompts render: {prompt_id}: {reason}", err=True)
        typer.echo(f"{len(done)} rendered, {len(failures)} failed" if work else "Everything is up to date")
    if failures:
        raise typer.Exit(FAULTS)


def _speak(
    place: Path,
    catalogue: "Catalogue",
    work: "Sequence[Work]",
    voice: "Voice",
    failures: dict[str, str],
    *,
    quiet: bool,
) -> Iterator[dict[str, object]]:
    """One prompt's failure must not cost the others."""
    from callrouter.speech.levels import AudioRefused
    from callrouter.speech.library import render as render_one
    from callrouter.speech.voice import VoiceError

    for count, item in enumerate(work, 1):
        try:
            prompt = render_one(place, catalogue, item, voice)
        except (AudioRefused, VoiceError) as error:
            failures[item.prompt_id] = str(error)
            continue
        if not quiet:
            where = f"{item.language}/{item.prompt_id}"
            typer.echo(f"{count}/{len(work)} {where} {prompt.seconds:.1f} s {item.wording.text}", err=True)
        yield {"id": item.prompt_id, "language": item.language, "seconds": round(prompt.seconds, 2)}


def import_audio(
    source: Annotated[
        Path, typer.Argument(metavar="FILE|FOLDER", help="WAV, FLAC, MP3 or OGG; a folder: every file in it.")
    ],
    language: Annotated[str, typer.Option("--language", "-l", help="Language that is spoken.")],
    prompt_id: Annotated[
        str | None, typer.Option("--id", help="The prompt; left out: the file's name without its ending.")
    ] = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Bring recordings in: to 8 kHz, levelled to -20 dBov active speech, trimmed, peaks limited.

    Nothing is imported from a folder unless every file's name is a prompt's.

    Example: callrouter prompts import studio/ --language bo-amdo
    """
    from callrouter.speech.levels import AudioRefused
    from callrouter.speech.library import bring_in

    with _one_line_errors("import"):
        place = _folder(folder)
        catalogue = _catalogue(place)
        _languages(catalogue, [language])
        sources = _sources(source, prompt_id)
        _known(catalogue, list(sources))
        done: list[dict[str, object]] = []
        refused: list[str] = []
        for name, path in sources.items():
            try:
                prompt = bring_in(place, catalogue, name, language, path)
            except AudioRefused as error:
                refused.append(str(error))
                continue
            level = round(prompt.level, 1)
            done.append(
                {"id": name, "language": language, "seconds": round(prompt.seconds, 2), "level": level}
            )
    if as_json:
        typer.echo(json.dumps({"imported": done, "refused": refused}, ensure_ascii=False))
    else:
        for row in done:
            typer.echo(f"{language}/{row['id']} {row['seconds']} s, {row['level']} dBov")
        for reason in refused:
            typer.echo(f"callrouter prompts import: {reason}", err=True)
    if refused:
        raise typer.Exit(FAULTS)


def prune(folder: Folder = None) -> None:
    """Delete the audio of prompts that the catalogue no longer has."""
    from callrouter.speech.library import prune as prune_folder

    with _one_line_errors("prune"):
        place = _folder(folder)
        removed = prune_folder(place, _catalogue(place))
    for path in removed:
        typer.echo(f"removed {path}")


class _Usage(Exception):
    """Wrong usage, in one line."""


@contextmanager
def _one_line_errors(command: str) -> Iterator[None]:
    from callrouter.config.faults import ConfigError
    from callrouter.speech.voice import VoiceError
    from callrouter.toolchain.errors import ToolchainError

    try:
        yield
    except (_Usage, ConfigError, VoiceError, ToolchainError) as error:
        typer.echo(f"callrouter prompts {command}: {error}", err=True)
        raise typer.Exit(UNUSABLE) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(
            f"callrouter prompts {command}: {where}{error.strerror}: check the rights and the disk", err=True
        )
        raise typer.Exit(UNUSABLE) from error


def _folder(folder: Path | None) -> Path:
    from callrouter.toolchain.share import share_folder

    return folder if folder is not None else share_folder("ivr_flows") / "prompts"


def _catalogue(folder: Path) -> "Catalogue":
    from callrouter.flow.loader import read_catalogue

    return read_catalogue(folder)


def _languages(catalogue: "Catalogue", wanted: Sequence[str] | None) -> tuple[str, ...]:
    from callrouter.config.validation import did_you_mean

    for language in wanted or ():
        if language not in catalogue.languages:
            raise _Usage(f"unknown language {language!r}. {did_you_mean(language, catalogue.languages)}")
    return tuple(wanted or catalogue.languages)


def _known(catalogue: "Catalogue", ids: Sequence[str]) -> None:
    from callrouter.config.validation import did_you_mean

    if unknown := [f"{name!r} ({did_you_mean(name, catalogue)})" for name in ids if name not in catalogue]:
        raise _Usage(f"no such prompt: {', '.join(unknown)}: write it in catalogue.yaml first")


def _sources(source: Path, prompt_id: str | None) -> dict[str, Path]:
    if not source.is_dir():
        return {prompt_id or source.stem: source}
    if prompt_id is not None:
        raise _Usage(f"--id names one prompt, but {source} is a folder: leave it out, the files' names count")
    files = sorted(path for path in source.iterdir() if path.is_file() and not path.name.startswith("."))
    if not files:
        raise _Usage(f"{source} holds no file")
    found: dict[str, Path] = {}
    for path in files:
        if path.stem in found:
            raise _Usage(f"{found[path.stem].name} and {path.name} are for the same prompt: keep one of them")
        found[path.stem] = path
    return found


def _environment() -> "VoiceEnvironment":
    from callrouter.speech.environment import VoiceEnvironment
    from callrouter.toolchain.paths import cache_home

    return VoiceEnvironment(cache_home() / "voice")


def _voice(*, draft: bool) -> "Voice":
    from callrouter.speech.environment import model_cache
    from callrouter.speech.voice import DraftVoice, NeuralVoice

    if draft:
        return DraftVoice(*_espeak())
    place = _environment()
    return NeuralVoice(place.python, place.voices, model_cache(place.home))


@contextmanager
def _speaking(voice: "Voice", *, fresh: bool) -> Iterator[None]:
    """The neural voice needs its environment and a process of its own."""
    from callrouter.speech.voice import NeuralVoice

    if not isinstance(voice, NeuralVoice):
        yield
        return
    _environment().ensure(lambda step: typer.echo(f"{step} …", err=True), fresh=fresh)
    with voice:
        yield


def _espeak() -> tuple[list[str], dict[str, str]]:
    from callrouter.toolchain.locate import locate
    from callrouter.toolchain.paths import system_program

    if found := system_program("espeak-ng"):
        return [found], dict(os.environ)
    program = locate("espeak-ng")
    return program.command(), program.environment()
