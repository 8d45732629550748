"""The state machines' tables as Markdown, Mermaid and SVG."""

from collections import defaultdict
from dataclasses import dataclass
from html import escape
from typing import Final

from acd import agent
from acd.transfer import LIVE, TABLE, TERMINAL, Row, TransferEvent, TransferState, Verdict

Arrows = dict[tuple[str, str], list[str]]
"""(from, to) → triggers."""


# --- the consult transfer ---------------------------------------------------------------


def transfer_arrows() -> Arrows:
    """Every row of the table but those that hold in all live states alike."""
    found: Arrows = defaultdict(list)
    for (state, event), row in TABLE.items():
        if isinstance(row, Row) and event not in shared_events():
            found[state, row.next].append(event)
    return found


def shared_events() -> dict[TransferEvent, TransferState]:
    """Events that lead to the same place from every live state."""
    shared = {}
    for event in TransferEvent:
        rows = [TABLE[state, event] for state in LIVE]
        targets = {row.next for row in rows if isinstance(row, Row)}
        if len(targets) == 1 and all(isinstance(row, Row) for row in rows):
            shared[event] = targets.pop()
    return shared


def transfer_table() -> str:
    """States across, events down; terminal states have one column, since nothing happens there."""
    heads = ["event", *(f"`{state.value}`" for state in LIVE), "over"]
    rows = [heads, ["---"] * len(heads)]
    for event in TransferEvent:
        cells = [_cell(TABLE[state, event]) for state in LIVE]
        over = {_cell(TABLE[state, event]) for state in TERMINAL}
        rows.append([f"`{event.value}`", *cells, " / ".join(sorted(over))])
    return _markdown(rows)


def _cell(row: Row | Verdict) -> str:
    if isinstance(row, Row):
        return f"**{row.next.value}** · {row.action.value}"
    return {Verdict.IGNORE: "–", Verdict.REJECT: "refused"}[row]


def transfer_mermaid() -> str:
    lines = ["[*] --> seeking: one key", "[*] --> blonde: blind"]
    lines += [f"{a} --> {b}: {', '.join(events)}" for (a, b), events in transfer_arrows().items()]
    lines += [f"{state.value} --> [*]" for state in TERMINAL]
    notes = [
        f"{event.value} leads to {state.value} from every live state"
        for event, state in shared_events().items()
    ]
    return _mermaid(lines, ("returned", "; ".join(notes)))


# --- a seat -----------------------------------------------------------------------------


def seat_arrows() -> Arrows:
    found: Arrows = defaultdict(list)
    for trigger, row in agent.TRANSITIONS.items():
        for state, verdict in row.items():
            if isinstance(verdict, str) and verdict in agent.STATES:
                found[state, verdict].append(trigger)
    return found


def seat_table() -> str:
    heads = ["trigger", *(f"`{state}`" for state in agent.STATES)]
    rows = [heads, ["---"] * len(heads)]
    for trigger, row in agent.TRANSITIONS.items():
        rows.append([f"`{trigger}`", *(_seat_cell(row[state]) for state in agent.STATES)])
    return _markdown(rows)


def _seat_cell(verdict: agent.Verdict) -> str:
    if isinstance(verdict, agent.Refusal):
        return f"refused: {verdict.reason}"
    return {agent.STAY: "–", agent.LATER: "later"}.get(verdict, f"**{verdict}**")


def seat_refusals() -> str:
    found = {
        verdict.reason: verdict.text
        for row in agent.TRANSITIONS.values()
        for verdict in row.values()
        if isinstance(verdict, agent.Refusal)
    }
    return _markdown([["reason", "what the person is told"], ["---", "---"], *map(list, found.items())])


def seat_mermaid() -> str:
    lines = ["[*] --> logged_out"]
    lines += [f"{a} --> {b}: {', '.join(triggers)}" for (a, b), triggers in seat_arrows().items()]
    return _mermaid(lines)


def _markdown(rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _mermaid(lines: list[str], note: tuple[str, str] | None = None) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    more = f"\n    note right of {note[0]}: {note[1]}" if note else ""
    return f"```mermaid\nstateDiagram-v2\n{body}{more}\n```\n"


# --- the transfer as a picture -------------------------------------------------------------


@dataclass(frozen=True)
class Box:
    """Left, top, width, height, and what the state means."""

    x: float
    y: float
    width: float
    height: float
    words: str

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


S = TransferState
BOXES: Final = {
    S.RETURNED: Box(40, 40, 1030, 46, "caller and transferor speak as before"),
    S.SEEKING: Box(60, 190, 150, 64, "looking for a way"),
    S.RINGING: Box(330, 190, 150, 64, "target's phone rings"),
    S.CONSULTING: Box(600, 190, 150, 64, "transferor with target"),
    S.CONFERENCE: Box(850, 190, 150, 64, "all three"),
    S.BLONDE: Box(310, 344, 190, 64, "transferor gone, still ringing"),
    S.REQUEUED: Box(40, 520, 340, 46, "first in line for a person"),
    S.COMPLETED: Box(430, 520, 640, 46, "caller with the target"),
    S.ABANDONED: Box(1175, 290, 150, 64, "the caller has left"),
}
LIVE_FRAME: Final = Box(40, 146, 1030, 282, "")
HEAD: Final = 5.0

STYLE: Final = """
  text { font: 13px system-ui, "Noto Sans", sans-serif; fill: #1f2937; }
  .name { font-weight: 700; } .words, .label { font-size: 11.5px; fill: #4b5563; }
  .back { fill: #ffffff; } .live { fill: #e0f2fe; stroke: #0369a1; } .over { fill: #dcfce7; stroke: #15803d; }
  .lost { fill: #fee2e2; stroke: #b91c1c; } .frame { fill: none; stroke: #94a3b8; stroke-dasharray: 6 5; }
  .arrow { stroke: #475569; stroke-width: 1.6; fill: none; } .head { fill: #475569; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb; } .words, .label { fill: #b6c2d2; } .back { fill: #0d1117; }
    .live { fill: #0c2a3f; stroke: #38bdf8; } .over { fill: #0d2f1b; stroke: #4ade80; }
    .lost { fill: #3b1212; stroke: #f87171; } .arrow { stroke: #9fb0c3; } .head { fill: #9fb0c3; }
  }
"""


def transfer_svg() -> str:
    """The table as one picture."""
    if lacking := [state.name for state in TransferState if state not in BOXES]:
        raise SystemExit(f"docs/states.py: give {', '.join(lacking)} a place in BOXES")
    arrows = transfer_arrows()
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1360 600" role="img" aria-labelledby="t">',
        '<title id="t">The consult transfer: states and what leads from one to another</title>',
        f"<style>{STYLE}</style>",
        '<rect class="back" width="1360" height="600" rx="10"/>',
        _rect(LIVE_FRAME, "frame"),
    ]
    parts += [_state(state, BOXES[state]) for state in TransferState]
    for (a, b), triggers in arrows.items():
        both_ways = (b, a) in arrows
        parts.append(_arrow(BOXES[S(a)], BOXES[S(b)], triggers, both_ways))
    for event, state in shared_events().items():
        parts.append(_arrow(LIVE_FRAME, BOXES[state], [event], False))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _state(state: TransferState, box: Box) -> str:
    kind = "live" if state in LIVE else "lost" if state is S.ABANDONED else "over"
    x, y = box.x + box.width / 2, box.y + box.height / 2
    return (
        _rect(box, kind)
        + f'<text class="name" x="{x:g}" y="{y - 4:g}" text-anchor="middle">{state.name}</text>'
        + f'<text class="words" x="{x:g}" y="{y + 14:g}" text-anchor="middle">{escape(box.words)}</text>'
    )


def _rect(box: Box, kind: str) -> str:
    place = f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"'
    return f'<rect class="{kind}" {place} rx="9"/>'


def _arrow(a: Box, b: Box, triggers: list[str], both_ways: bool) -> str:
    """Straight across where two boxes overlap, upright or level; a loop onto itself on top."""
    if a is b:
        x = a.x + 22
        loop = f"M {x:g} {a.y:g} C {x - 14:g} {a.y - 34:g} {x + 42:g} {a.y - 34:g} {x + 26:g} {a.y:g}"
        head = _head(x + 26, a.y, 0, 1)
        return f'<path class="arrow" d="{loop}"/>{head}{_label(x - 6, a.y - 24, triggers, "end")}'
    left, right = max(a.x, b.x), min(a.right, b.right)
    if left < right:
        x = (left + right) / 2
        down = 1 if b.y > a.y else -1
        start, end = (a.bottom, b.y) if down > 0 else (a.y, b.bottom)
        line = f'<path class="arrow" d="M {x:g} {start:g} V {end - down * HEAD:g}"/>'
        middle = (start + end) / 2 - 7 * (len(triggers) - 1) + (-6 if down < 0 else 6)
        return line + _head(x, end, 0, down) + _label(x + 9, middle, triggers, "start")
    y = (max(a.y, b.y) + min(a.bottom, b.bottom)) / 2
    ahead = 1 if b.x > a.x else -1
    y += (-9 * ahead) if both_ways else 0
    start, end = (a.right, b.x) if ahead > 0 else (a.x, b.right)
    above = ahead > 0
    first = y - 8 - 15 * (len(triggers) - 1) if above else y + 19
    line = f'<path class="arrow" d="M {start:g} {y:g} H {end - ahead * HEAD:g}"/>'
    return line + _head(end, y, ahead, 0) + _label((start + end) / 2, first, triggers, "middle")


def _head(x: float, y: float, dx: int, dy: int) -> str:
    if dx:
        return f'<path class="head" d="M {x:g} {y:g} l {-9 * dx} -4.5 v 9 z"/>'
    return f'<path class="head" d="M {x:g} {y:g} l -4.5 {-9 * dy} h 9 z"/>'


def _label(x: float, y: float, triggers: list[str], anchor: str) -> str:
    return "".join(
        f'<text class="label" x="{x:g}" y="{y + 15 * row:g}" text-anchor="{anchor}">{escape(text)}</text>'
        for row, text in enumerate(triggers)
    )
