"""The interpreter's registers: where the caller is, what is known, what is going on.

Verbs see a flow through this class only. Everything is bounded: type-ahead,
steps, repeated prompts, trace.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from acd.ids import Instant, Seconds
from callrouter.flow.actions import EndCall, FlowAction, LookupDone, PlayMedia, StopMedia, StopRecord
from callrouter.flow.expression import DEFAULTS, EvaluationError
from callrouter.flow.kept import KeptPlace
from callrouter.flow.node import Placed, Say
from callrouter.flow.program import BUILT_IN, Flow, FlowSet

MAX_TYPE_AHEAD: Final = 32
MEDIA_LIMIT: Final[Seconds] = 120
"""A playback whose end is never reported is given up after this."""

JUMPED: Final = "\0jumped"
"""Returned by a step that has moved the frame itself (subflow, return)."""


class Caller:
    """A caller frame: where a subflow returns to."""

    __slots__ = ("flow", "node", "variables")

    def __init__(self, flow: Flow, node: Placed, variables: dict[str, object]) -> None:
        self.flow = flow
        self.node = node
        self.variables = variables


class Frame:
    """One caller's position in a flow set. Mutable; owned by one `FlowSession`."""

    __slots__ = (
        "actions", "at", "buffer", "came_back", "changes", "dropped_digits", "ended", "flow", "flows",
        "input", "language", "media", "media_until", "now", "phase", "recording", "repeats", "result",
        "stack", "timer", "token", "tries", "variables", "waiting",
    )  # fmt: skip

    def __init__(self, flows: FlowSet, flow: Flow, variables: dict[str, object], language: str) -> None:
        self.flows = flows
        self.flow = flow
        self.at: Placed = flow.nodes[flow.start]
        self.variables = variables
        self.language = language
        self.now: Instant = 0.0
        self.actions: list[FlowAction] = []
        self.buffer: deque[str] = deque()
        self.dropped_digits = 0
        self.stack: list[Caller] = []
        self.token = 0
        self.changes: dict[str, object] | None = None
        self.ended = False
        self.came_back = False
        self.enter()

    def enter(self) -> None:
        """Forget what belonged to the node before."""
        self.media: int | None = None
        self.media_until: Instant = 0.0
        self.timer: Instant | None = None
        self.waiting: int | None = None
        self.recording = False
        self.result: LookupDone | None = None
        self.phase = ""
        self.input = ""
        self.tries = 0
        self.repeats = 0

    def call(self, flow: Flow, arguments: Mapping[str, object]) -> None:
        """Go into a subflow; the present node is where `give_back` returns to."""
        self.stack.append(Caller(self.flow, self.at, self.variables))
        shared = {name: self.variables[name] for name in BUILT_IN}
        self.variables = {**shared, **flow.defaults, **arguments}
        self.flow = flow
        self.at = flow.nodes[flow.start]

    def give_back(self) -> Placed | None:
        """Leave the subflow; the node that called it, None when there is none."""
        if not self.stack:
            return None
        caller = self.stack.pop()
        for name in BUILT_IN:
            caller.variables[name] = self.variables[name]
        self.flow, self.at, self.variables = caller.flow, caller.node, caller.variables
        return self.at

    def unwind(self) -> None:
        """Leave all subflows at once."""
        while self.stack:
            self.give_back()

    def places(self) -> tuple[KeptPlace, ...]:
        """Where the caller is, and last of all; before it the places that subflows return to."""
        levels = [(one.flow, one.node, one.variables) for one in self.stack]
        return tuple(
            KeptPlace(
                flow=flow.id,
                node=node.name,
                variables={name: value for name, value in variables.items() if name not in flow.secret},
            )
            for flow, node, variables in (*levels, (self.flow, self.at, self.variables))
        )

    def go_to(self, places: Sequence[KeptPlace]) -> None:
        """Be where another frame was. Raises KeyError for a flow or a node that there isn't any more."""
        found = []
        for place in places:
            flow = self.flows.flows[place.flow]
            builtin = {name: self.variables[name] for name in BUILT_IN}
            variables = {**builtin, **flow.defaults, **place.variables}
            found.append(Caller(flow, flow.nodes[place.node], variables))
        here = found.pop()
        self.stack = found
        self.flow, self.at, self.variables = here.flow, here.node, here.variables
        self.enter()

    @property
    def deadline(self) -> Instant | None:
        """When something is due: the timer, or the giving up of a playback."""
        if self.media is None:
            return self.timer
        return self.media_until if self.timer is None else min(self.timer, self.media_until)

    def new_token(self) -> int:
        self.token += 1
        return self.token

    def act(self, action: FlowAction) -> None:
        self.actions.append(action)

    def end(self, cause: int, reason: str) -> None:
        """Hang up: the last thing a flow can do."""
        self.actions.append(EndCall(cause, reason))
        self.ended = True

    # --- speech ---------------------------------------------------------------------

    def say(self, prompts: Sequence[str | Say]) -> bool:
        """Begin to speak; False when there is nothing to hear (then no `MediaFinished` follows)."""
        media = self.media_of(prompts)
        self.stop()
        if not media:
            return False
        self.media = self.new_token()
        self.media_until = self.now + MEDIA_LIMIT
        self.actions.append(PlayMedia(self.media, media))
        return True

    def stop(self) -> None:
        """Cut off what is being spoken, if anything is."""
        if self.media is not None:
            self.actions.append(StopMedia(self.media))
            self.media = None

    def abandon(self) -> None:
        """Leave the node in the middle of it: speech is cut off, a recording thrown away."""
        self.stop()
        if self.recording and self.waiting is not None:
            self.actions.append(StopRecord(self.waiting, keep=False))
        self.recording = False

    def ask(self, seconds: Seconds) -> int:
        """Token of a question whose answer is awaited for so long."""
        self.waiting = self.new_token()
        self.timer = self.now + seconds
        return self.waiting

    def media_of(self, prompts: Sequence[str | Say]) -> tuple[str, ...]:
        """Media of all pieces that exist. What the call's language lacks is said in the flow's first."""
        media: list[str] = []
        voice, language, own = self.flows.voice, self.language, self.flow.languages[0]
        for item in prompts:
            if isinstance(item, str):
                media += voice.media(item, language) or voice.media(item, own)
                continue
            kind, source = item.spoken
            value = source if kind == "prompt" else self.evaluate(source)
            for spoken_in in (item.language,) if item.language else (language, own):
                found = (
                    voice.media(source, spoken_in)
                    if kind == "prompt"
                    else voice.spoken(kind, value, spoken_in)
                )
                if found:
                    media += found
                    break
        return tuple(media)

    # --- time and keys ----------------------------------------------------------------

    def wait(self, seconds: Seconds) -> None:
        """`Signal.TIMEOUT` comes after this long unless something else happens."""
        self.timer = self.now + seconds

    def push(self, digit: str) -> None:
        """A key pressed; beyond the bound the newest are dropped."""
        if len(self.buffer) < MAX_TYPE_AHEAD:
            self.buffer.append(digit)
        else:
            self.dropped_digits += 1

    # --- values -------------------------------------------------------------------------

    def evaluate(self, source: str) -> object:
        """Value of an expression of this flow. Raises EvaluationError."""
        return self.flow.expressions[source].evaluate(self.variables)

    def assign(self, name: str, value: object) -> None:
        self.variables[name] = value
        if self.changes is None:
            self.changes = {}
        self.changes[name] = value if name not in self.flow.secret else "•••"

    def typed(self, name: str, value: object) -> object:
        """`value` if it has the variable's type, else EvaluationError: data from outside may be anything."""
        wanted = type(DEFAULTS[self.flow.variables[name].type])
        if wanted is float and type(value) is int:
            return float(value)
        if type(value) is not wanted:
            raise EvaluationError(f"{name} cannot be {str(value)[:60]!r}")
        return value

    def note(self, name: str, value: object) -> None:
        """Write something to the trace only."""
        self.changes = {**(self.changes or {}), name: value}

    def assign_all(self, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            self.assign(name, value)
