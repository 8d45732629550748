"""`callrouter flow try`: walk a flow in the terminal, as a caller."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from acd.record import FlowStep
from callrouter.flow.actions import AllowRecording, BookCallback, Lookup, SaveAnswers, ToQueue
from callrouter.flow.calendar import LOCAL
from callrouter.flow.rehearsal import Heard, Refusal, Rehearsal
from callrouter.flow.session import CallFacts

HELP = """\
  [bold]keys[/] then Enter   press them, for example 2 or 12315#
  [bold]Enter[/]             keep silent until the flow goes on
  [bold]listen[/]            hear the prompt to its end
  [bold]wait 30[/]           let 30 seconds pass
  [bold]back full[/]         the queue or transfer gives you back (full, timeout, busy, no_answer …)
  [bold]talked[/]            somebody has spoken with you and left
  [bold]recorded 12[/]       your message lasts 12 seconds
  [bold]answer orders {"state": "done"}[/]   what a look-up answers from now on; [bold]fail orders timeout[/]
  [bold]vars[/]  [bold]trace[/]  [bold]quit[/]"""

out = Console(soft_wrap=True, highlight=False)


def try_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A flow's file.")],
    at: Annotated[str, typer.Option("--at", help="Local time, such as 2026-11-20T23:30; default now.")] = "",
    caller: Annotated[str, typer.Option("--caller", help="The caller's number.")] = "13900001111",
    dialled: Annotated[str, typer.Option("--dialled", help="The number dialled.")] = "12345",
    organisation: Annotated[str, typer.Option("--organisation", help="Whose call it is.")] = "province",
    language: Annotated[str, typer.Option("--language", help="The caller's language.")] = "zh",
    answers: Annotated[
        str, typer.Option("--answers", help='Answers of look-ups, JSON: {"orders": {"state": "done"}}.')
    ] = "{}",
) -> None:
    """Walk a flow as its caller would: keys, silence, time of day, language; every step is shown.

    Exit code 0: the walk is over; 1: the flows have faults; 2: no such file.

    Example: callrouter flow try ivr_flows/one_layer.yaml --at 2026-11-20T23:30
    """
    from callrouter.cli.flow import sound, unusable

    if not file.is_file():
        unusable(f"{file} is not a file: give one flow's file")
    flows, catalogue, _ = sound(file.parent)
    if file.stem not in flows.flows or flows.flows[file.stem].subflow:
        unusable(f"{file.stem} is no flow that calls begin in (is it a subflow?)")
    try:
        now = (datetime.fromisoformat(at) if at else datetime.now(LOCAL)).replace(tzinfo=LOCAL).timestamp()
        known = json.loads(answers)
        assert isinstance(known, dict)
    except (ValueError, AssertionError):
        unusable("--at wants a time such as 2026-11-20T23:30, --answers wants a JSON object")
    facts = CallFacts(
        call="try", dialled=dialled, caller=caller, organisation=organisation, language=language
    )
    out.print(HELP)
    walk = Walk(Rehearsal(flows, catalogue, file.stem, facts, now, known))
    walk.run()


class Walk:
    """The conversation between the terminal and a rehearsal."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.rehearsal = rehearsal
        self._heard = 0
        self._steps = 0
        self._actions = 0

    def run(self) -> None:
        self.show()
        for line in self._lines():
            if line in ("quit", "q", "exit"):
                return
            try:
                problem = self.do(line)
            except ValueError as error:
                problem = str(error)
            if problem:
                out.print(f"[red]{escape(problem)}[/]")
            self.show()
            if self.rehearsal.over:
                return

    def _lines(self) -> Iterator[str]:
        while True:
            try:
                yield input("› ").strip()
            except (EOFError, KeyboardInterrupt):
                out.print()
                return

    def do(self, line: str) -> str:
        """Carry out one line; what is wrong with it, or ``""``. Raises ValueError on odd numbers and JSON."""
        rehearsal = self.rehearsal
        word, _, rest = line.partition(" ")
        if not line:
            self._be_silent()
        elif set(line) <= set("0123456789*#ABCD"):
            rehearsal.press(line)
        elif word == "listen":
            rehearsal.listen()
        elif word == "wait":
            rehearsal.wait(float(rest or 5))
        elif word == "recorded":
            rehearsal.recorded(float(rest or 8))
        elif word in ("back", "talked"):
            return self._back(word, rest)
        elif word == "answer":
            name, _, text = rest.partition(" ")
            rehearsal.answers[name] = json.loads(text)
        elif word == "fail":
            name, _, reason = rest.partition(" ")
            rehearsal.answers[name] = Refusal(reason or "timeout")
        elif word == "vars":
            out.print(escape(str(rehearsal.session.variables)))
        elif word == "trace":
            for step in rehearsal.trace:
                out.print(f"  {escape(_step(step))}")
        else:
            out.print(HELP)
        return ""

    def _be_silent(self) -> None:
        if self.rehearsal.handed is not None:
            out.print("[dim]Music. Nothing changes by waiting here: type `talked`, or `back timeout`.[/]")
        else:
            self.rehearsal.be_silent()

    def _back(self, word: str, reason: str) -> str:
        handed = self.rehearsal.handed
        if handed is None:
            return "You are in no queue and no transfer."
        source = (
            "conversation" if word == "talked" else "queue" if isinstance(handed, ToQueue) else "transfer"
        )
        self.rehearsal.comes_back(source, reason or "over")
        return ""

    def show(self) -> None:
        """What is new since the last time."""
        rehearsal = self.rehearsal
        for step in rehearsal.trace[self._steps :]:
            out.print(f"[dim]  {escape(_step(step))}[/]")
        for heard in rehearsal.heard[self._heard :]:
            out.print(f"  {_bubble(heard)}")
        for action in rehearsal.actions[self._actions :]:
            if isinstance(action, Lookup | BookCallback | SaveAnswers | AllowRecording):
                out.print(f"[magenta]  {escape(str(action))}[/]")
        self._steps, self._heard = len(rehearsal.trace), len(rehearsal.heard)
        self._actions = len(rehearsal.actions)
        clock = datetime.fromtimestamp(rehearsal.now, LOCAL).strftime("%H:%M:%S")
        after = rehearsal.now - rehearsal.began
        colour = "green" if rehearsal.handed is not None else "red" if rehearsal.over else "cyan"
        where = f"{clock} (+{after:.1f} s) {escape(rehearsal.place)}"
        out.print(f"[{colour}]{where}[/] [dim]{rehearsal.session.language}[/]")


def _bubble(heard: Heard) -> str:
    about = f"{escape(heard.prompt)} · {heard.language} · {heard.seconds:.1f} s"
    return f"[yellow]“{escape(heard.text)}”[/] [dim]{about}[/]"


def _step(step: FlowStep) -> str:
    changed = " ".join(f"{name}={value!r}" for name, value in step.variables.items())
    return f"{step.flow}:{step.line} {step.node} → {step.branch or '…'} {changed}".rstrip()
