"""A picture as Mermaid text, for wikis and merge requests."""

from typing import Final

from callrouter.flow.graph.picture import Box, Picture
from callrouter.flow.node import Choice

SHAPES: Final = {
    "person": ("([", "])"), "end": ("((", "))"), "keys": ("{{", "}}"), "data": ("{", "}"),
    "subflow": ("[[", "]]"), "promise": ("[/", "/]"), "speech": ("[", "]"),
}  # fmt: skip
CLASSES: Final = (
    "classDef person fill:#dcfce7,stroke:#15803d",
    "classDef keys fill:#eff6ff,stroke:#1d4ed8",
    "classDef data fill:#f5f3ff,stroke:#6d28d9",
    "classDef speech fill:#f0fdfa,stroke:#0f766e",
    "classDef promise fill:#f7fee7,stroke:#4d7c0f",
    "classDef subflow fill:#fff7ed,stroke:#c2410c",
    "classDef end_ fill:#f1f5f9,stroke:#475569",
    "classDef taken stroke:#ea580c,stroke-width:3px",
)


def mermaid(picture: Picture) -> str:
    """A ``flowchart`` of https://mermaid.js.org."""
    ids = {box.name: f"n{number}" for number, box in enumerate(picture.boxes)}
    lines = ["---", f"title: {_quoted(picture.title)}", "---", "flowchart TD"]
    lines += [
        f"  {ids[box.name]}{_shape(box)}:::{'end_' if box.kind == 'end' else box.kind}"
        for box in picture.boxes
    ]
    for arrow in picture.arrows:
        line = "-.->" if arrow.choice in (Choice.MISTAKE, Choice.FAILURE) else "==>" if arrow.taken else "-->"
        label = " · ".join(label for label in arrow.labels if label)
        shown = f"|{_quoted(label)}|" if label else ""
        lines.append(f"  {ids[arrow.source]} {line}{shown} {ids[arrow.target]}")
    lines += [f"  {line}" for line in CLASSES]
    visited = [ids[box.name] for box in picture.boxes if box.visits]
    if visited:
        lines.append(f"  class {','.join(visited)} taken")
    return "\n".join(lines) + "\n"


def _shape(box: Box) -> str:
    begin, end = SHAPES[box.kind]
    text = "<br/>".join([f"<b>{_escaped(box.name)}</b>", *map(_escaped, box.lines)])
    return f'{begin}"{text}"{end}'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
