"""Writes the parts of the documentation that follow from the code: `make docs`.

A page is prose with sections between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``;
this program fills them in, and draws the pictures that follow from tables. With
``--check`` it writes nothing and names what is out of date (exit code 1).
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import models
import states

from acd.feature_codes import CODES, WITH_NUMBER, Feature
from acd.strategy import STRATEGIES
from callrouter.settings import OUTSIDE, PREFIX, Settings
from callrouter.site.floor import FloorFile

FOLDER: Final = Path(__file__).resolve().parent
_SECTION: Final = re.compile(r"(<!-- begin ([a-z-]+) -->\n)(.*?)(<!-- end \2 -->)", re.DOTALL)


def settings() -> str:
    parts = []
    for group in models.groups(Settings):
        parts += [_heading(group), models.table(group.model, _variables(group.path), OUTSIDE)]
    rows = "".join(f"| `{name}` | {_OTHER_VARIABLES[name]} |\n" for name in OUTSIDE)
    parts.append(f"\n## Other environment variables\n\n| variable | means |\n| --- | --- |\n{rows}")
    return "".join(parts)


_OTHER_VARIABLES: Final = {
    "CALLROUTER_CACHE": "Folder of the private tools and voices, instead of `~/.cache/callrouter`.",
    "CALLROUTER_STATE_DIR": "The same as `--state-dir`, for commands that take it.",
    "CALLROUTER_CONFIG": "The same as `--config`, for commands that take it.",
}


def _variables(path: str) -> str | None:
    """Prefix of the environment variables of a group; lists and names can't be reached by them."""
    if "[]" in path or "<" in path:
        return None
    return PREFIX + "".join(f"{step.upper()}__" for step in path.split(".") if step)


def floor() -> str:
    return "".join(
        text for group in models.groups(FloorFile) for text in (_heading(group), models.table(group.model))
    )


def _heading(group: models.Group) -> str:
    title = f"`{group.path}`" if group.path else "The file"
    anchor = f'<a id="{group.model.__name__.lower()}"></a>'
    return f"\n## {title}\n\n{anchor}{models.about(group.model)}\n\n"


def strategies() -> str:
    rows = [
        f"| `{name}` | {_first_line(one.order)} {_first_line(one.rank)}{_SEVERAL if one.several else ''} |\n"
        for name, one in STRATEGIES.items()
    ]
    return "| `strategy` | which of the free seats |\n| --- | --- |\n" + "".join(rows)


_SEVERAL: Final = " Up to `ring_count` phones ring at once; the first to answer has the call."


def _first_line(function: Callable[..., object]) -> str:
    return (function.__doc__ or "").strip().splitlines()[0]


def feature_codes(meanings: dict[Feature, str], heads: tuple[str, str], number: str) -> str:
    rows = []
    for code, feature in CODES.items():
        keys = f"`{code}` {number}" if feature in WITH_NUMBER else f"`{code}`"
        rows.append(f"| {keys} | {meanings[feature]} | {_API[feature]} |\n")
    return f"| {heads[0]} | {heads[1]} | API |\n| --- | --- | --- |\n" + "".join(rows)


_ENGLISH: Final = {
    Feature.CANCEL: "Cancel the consultation: back to the caller.",
    Feature.COMPLETE: "Complete: caller and line speak, the seat wraps up (while it still rings, too).",
    Feature.CONSULT: "Consult: the caller hears music, seat and line speak first.",
    Feature.THREE_PARTY: "Three-party call: caller, seat and line.",
    Feature.HOLD: "Hold; pressed again: resume.",
    Feature.SWAP: "Swap: to the caller while the line waits, and back.",
    Feature.BLIND: "Blind transfer: hand over without speaking first.",
}
_CHINESE: Final = {
    Feature.CANCEL: "取消咨询：回到来电人",
    Feature.COMPLETE: "完成转接：来电人与对方通话，座席进入话后处理（对方仍在振铃时也可）",
    Feature.CONSULT: "咨询转接：来电人听音乐，座席先与对方说明情况",
    Feature.THREE_PARTY: "三方通话：来电人、座席、对方",
    Feature.HOLD: "保持；再按一次恢复",
    Feature.SWAP: "切换：在来电人与对方之间来回",
    Feature.BLIND: "直接转接：不先咨询",
}
_API: Final = {
    Feature.CANCEL: "`transfer/cancel`",
    Feature.COMPLETE: "`transfer/complete`",
    Feature.CONSULT: "`transfer`",
    Feature.THREE_PARTY: "`transfer/three-party`",
    Feature.HOLD: "`hold`, `resume`",
    Feature.SWAP: "`transfer/swap`",
    Feature.BLIND: '`transfer`, `"kind": "blind"`',
}


def shared_events() -> str:
    return "".join(
        f"- `{event}` leads to `{state}` from every live state.\n"
        for event, state in states.shared_events().items()
    )


SECTIONS: Final[dict[str, Callable[[], str]]] = {
    "settings": settings,
    "floor": floor,
    "strategies": strategies,
    "feature-codes": lambda: feature_codes(_ENGLISH, ("keys", "what happens"), "*number*"),
    "feature-codes-zh": lambda: feature_codes(_CHINESE, ("按键", "作用"), "*号码*"),
    "transfer-table": states.transfer_table,
    "transfer-shared": shared_events,
    "transfer-diagram": states.transfer_mermaid,
    "seat-table": states.seat_table,
    "seat-refusals": states.seat_refusals,
    "seat-diagram": states.seat_mermaid,
}
PICTURES: Final[dict[str, Callable[[], str]]] = {"images/transfer.svg": states.transfer_svg}


def filled(text: str) -> str:
    """A page with its sections as they should be. Raises KeyError for a section that nobody writes."""
    return _SECTION.sub(lambda found: f"{found[1]}{SECTIONS[found[2]]()}{found[4]}", text)


def outdated() -> dict[Path, str]:
    """Files that differ from what they should hold, with what they should hold."""
    pages = [*sorted(FOLDER.rglob("*.md")), *sorted(FOLDER.parent.glob("*.md"))]
    wanted = {file: filled(file.read_text(encoding="utf-8")) for file in pages}
    wanted |= {FOLDER / name: draw() for name, draw in PICTURES.items()}
    return {file: text for file, text in wanted.items() if not _holds(file, text)}


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


def main(arguments: list[str]) -> int:
    """Exit code."""
    found = outdated()
    for file, text in found.items():
        sys.stdout.write(f"{file.relative_to(FOLDER.parent)}\n")
        if "--check" not in arguments:
            file.write_text(text, encoding="utf-8")
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
