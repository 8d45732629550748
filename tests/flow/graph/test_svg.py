"""The painted picture, and Mermaid."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from acd.record import FlowStep
from callrouter.flow.graph import mermaid, picture, svg
from callrouter.flow.loader import read_flows
from callrouter.flow.node import Choice
from tests.flow.walker import flow

FLOW = """
flow: hotline
title: 热线 <&">
person: seat
start: menu
nodes:
  menu: {menu: {prompt: choose, keys: {1: news, 2: news, 3: menu}, silence: seat, wrong: news}}
  news: {note: "<b>", play: {prompt: news}}
  seat: {queue: {queue: xining, skills: mandarin}}
"""
SHIPPED = Path(__file__).parents[3] / "ivr_flows"
NS = "{http://www.w3.org/2000/svg}"


def drawn(trace: list[FlowStep] | None = None) -> str:
    return svg(picture(flow(FLOW), {"choose": "请选择"}.get, trace or []))


def texts(document: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(document).iter(f"{NS}text")]


def test_every_node_label_and_note_is_there() -> None:
    found = texts(drawn())
    nodes = ("menu", "news", "seat", "“请选择”", "→ xining", "mandarin")
    for wanted in (*nodes, "<b>", "1 · 2 · wrong", "silence", "3", 'hotline · 热线 <&">'):
        assert wanted in found


def test_arrows() -> None:
    arrows = {(a.source, a.target): a for a in picture(flow(FLOW), lambda _: None).arrows}
    assert arrows["menu", "news"].labels == ("1", "2", "wrong")
    assert arrows["menu", "news"].choice is Choice.CALLER
    assert not arrows["menu", "news"].silent
    assert arrows["menu", "seat"].silent
    assert ("news", "seat") in arrows, "a missing `next` leads to the person"
    assert ("seat", "seat") not in arrows


def test_trace_overlay() -> None:
    steps = [
        FlowStep(at=100.0, flow="hotline", node="menu", line=6, branch="key 1"),
        FlowStep(at=104.5, flow="hotline", node="news", line=7, branch="next"),
        FlowStep(at=109.0, flow="hotline", node="seat", line=8, branch="to queue xining"),
        FlowStep(at=110.0, flow="other", node="x", line=8),
    ]
    made = picture(flow(FLOW), lambda _: None, steps)
    assert [(a.source, a.target) for a in made.arrows if a.taken] == [("menu", "news"), ("news", "seat")]
    found = texts(svg(made))
    assert "+4.5 s" in found
    assert "this call" in found


def test_a_trace_of_another_version_is_told() -> None:
    made = picture(flow(FLOW), lambda _: None, [FlowStep(at=1, flow="hotline", node="gone", line=1)])
    assert "'gone'" in made.warnings[0]
    svg(made)


@pytest.mark.parametrize("name", [path.stem for path in sorted(SHIPPED.glob("*.yaml"))])
def test_shipped_flows_are_drawn(name: str) -> None:
    reading = read_flows(SHIPPED)
    assert reading.catalogue is not None
    catalogue = reading.catalogue
    made = picture(reading.flows[name], lambda prompt: catalogue.text(prompt, "zh"))
    root = ET.fromstring(svg(made))
    assert len(list(root.iter(f"{NS}path"))) >= len(made.arrows)
    assert mermaid(made).count("\n") > len(made.boxes) + len(made.arrows)


def test_mermaid() -> None:
    text = mermaid(picture(flow(FLOW), lambda _: None))
    assert 'title: "hotline · 热线 &lt;&amp;&quot;&gt;"' in text
    assert '-->|"1 · 2 · wrong"| n1' in text
    assert "-.->" in text
