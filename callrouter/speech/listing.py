"""The catalogue as tables: for a terminal, for scripts, for the docs, for the speaker in the studio."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from callrouter.flow.prompts import Catalogue, Status

READY: Final = frozenset({Status.RECORDED, Status.SYNTHESISED})


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt in one language. `text` is empty where none is written; `reference` is then another's."""

    prompt_id: str
    language: str
    status: str
    seconds: float
    text: str
    reference: str


def rows(catalogue: Catalogue, languages: Sequence[str], *, missing: bool = False) -> list[Row]:
    """In the catalogue's order; `missing` leaves out what callers can already be given."""
    return [
        Row(
            prompt_id,
            language,
            status.value,
            catalogue.seconds(prompt_id, language),
            catalogue.text(prompt_id, language) or "",
            catalogue.text(prompt_id, next(iter(catalogue.languages))) or "",
        )
        for prompt_id in catalogue
        for language in languages
        if (status := catalogue.status(prompt_id, language)) not in (READY if missing else ())
    ]


def summary(catalogue: Catalogue, languages: Sequence[str]) -> list[str]:
    """One line a language: how many prompts stand how, and the total length."""
    lines = []
    for language in languages:
        states = Counter(catalogue.status(prompt_id, language).value for prompt_id in catalogue)
        seconds = sum(catalogue.seconds(prompt_id, language) for prompt_id in catalogue)
        entry = catalogue.languages[language]
        counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        note = f" ({entry.note})" if entry.note and states[Status.MISSING.value] else ""
        lines.append(f"{language} {entry.name}: {counts}; {seconds:.0f} s{note}")
    return lines


def as_data(catalogue: Catalogue, listed: Sequence[Row]) -> dict[str, object]:
    """For `--json`."""
    prompts = [asdict(row) | {"media": catalogue.media(row.prompt_id, row.language)} for row in listed]
    return {"prompts": prompts}


def as_markdown(catalogue: Catalogue, listed: Sequence[Row], languages: Sequence[str]) -> str:
    """A page with one table a language; a text that is still to be written stands in the first language."""
    parts = ["# Prompts", "", "Made by `callrouter prompts list --markdown`; do not edit.", ""]
    parts += [f"- {line}" for line in summary(catalogue, languages)]
    for language in languages:
        entry = catalogue.languages[language]
        parts += ["", f"## {entry.name} (`{language}`)", ""]
        mine = [row for row in listed if row.language == language]
        if not mine:
            parts.append("Nothing to list.")
            continue
        parts += ["| id | seconds | audio | text |", "|---|--:|---|---|"]
        for row in mine:
            text = row.text or f"*{row.reference}*"
            seconds = f"{row.seconds:.1f}" if row.seconds else ""
            parts.append(f"| `{row.prompt_id}` | {seconds} | {row.status} | {text.replace('|', '/')} |")
    return "\n".join(parts) + "\n"
