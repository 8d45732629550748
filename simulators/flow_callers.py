"""Callers by the hundred, to catch what the checker's reasoning might have missed.

Judged by what really happens in the interpreter, not by the exits' own labels of
who chose them: a flow *traps* when somebody who presses nothing, or anything, is
for long offered to nobody; it *loses* when somebody is hung up on who has neither
been served nor pressed a key that the flow knows since things last went wrong.
"""

import random
from collections.abc import Iterator

from callrouter.flow.actions import (
    Answered,
    BookCallback,
    Digit,
    EndCall,
    FlowAction,
    Lookup,
    LookupDone,
    MediaFinished,
    PlayMedia,
    RecordingFinished,
    RecordVoice,
    Returned,
    ToQueue,
    ToTransfer,
)
from callrouter.flow.program import FlowSet
from callrouter.flow.session import CallFacts, FlowSession

KEYS = "0123456789*#"
REASONS = (
    "full", "closed", "unstaffed", "timeout", "callback", "busy", "no_answer", "unknown", "conversation",
    "broken",
)  # fmt: skip
PATIENCE = {"silent": 150, "wrong": 150, "busy": 8_000, "fast": 8_000}
"""Events after which a caller who was offered to nobody counts as trapped. Who goes round by keys
of their own is brought to a person by the interpreter's bound on steps."""
DAY = 86_400.0


class Fate(Exception):
    """What the flow has done to a caller."""


class Caller:
    """One call with a character: ``silent``, ``wrong`` (keys nobody knows), ``busy`` (any key), ``fast``."""

    def __init__(self, flows: FlowSet, flow: str, character: str, rng: random.Random) -> None:
        self.rng = rng
        self.character = character
        organisation = rng.choice(["province", "xining", "yushu", "elsewhere", ""])
        facts = CallFacts(
            call="c", dialled=rng.choice(["12345", "097112369", "12356"]), organisation=organisation,
            caller=rng.choice(["13900001111", ""]),
        )  # fmt: skip
        self.now = 1_790_000_000.0 + rng.random() * 365 * DAY
        self.flows = flows
        self.session = FlowSession(flows, flow, facts, self.now)
        self.kept = self.served = self.chosen = self.offered = False
        self.excused = False
        self.pending: list[FlowAction] = []
        self.returns = 0

    def live(self) -> str:
        """Live the call; how it ended. Raises Fate when the flow traps or loses the caller."""
        self._take(self.session.start(self.now))
        self._take(self.session.handle(Answered(), self.now))
        for _ in range(PATIENCE[self.character]):
            if (end := self._ended()) is not None:
                return end
            self._act()
        if not self.offered:
            raise Fate(f"trapped at {self.session.node}")
        return "still walking, person offered before"

    def _ended(self) -> str | None:
        last = self.pending[-1] if self.pending else None
        if isinstance(last, EndCall):
            if not (self.served or self.chosen or self.excused):
                raise Fate(f"hung up on at {self.session.node}")
            return "hung up"
        if isinstance(last, ToQueue | ToTransfer):
            by_choice = self.character in ("busy", "fast")
            if isinstance(last, ToQueue) and last.last_resort and not self.offered and not by_choice:
                raise Fate(f"offered to nobody before the last resort, at {self.session.node}")
            self.offered |= isinstance(last, ToQueue)
            self.returns += 1
            if self.returns > 6 or self.rng.random() < 0.4:
                return "with a person"
        return None

    def _act(self) -> None:
        last = self.pending[-1] if self.pending else None
        rng = self.rng
        if isinstance(last, ToQueue | ToTransfer):
            self._come_back()
        elif isinstance(last, Lookup | BookCallback):
            ok = rng.random() < 0.6
            self.served |= ok and isinstance(last, BookCallback)
            self.chosen &= ok
            value = {"state": rng.choice(["done", "accepted", "odd"]), "due": rng.choice(["", "2026-12-01"])}
            reason = rng.choice(["not_found", "timeout"])
            self._give(LookupDone(last.token, ok, value, reason))
        elif isinstance(last, RecordVoice):
            seconds = rng.choice([0.2, 12.0])
            self.served |= seconds > 1
            self.chosen &= seconds > 1
            self._give(RecordingFinished(last.token, seconds > 1, seconds))
        elif (keys := self._keys()) is not None:
            for key in keys:
                self._give(Digit(key))
        elif isinstance(last, PlayMedia):
            self.now += 5
            self._give(MediaFinished(last.token))
        else:
            self._wait()

    def _keys(self) -> str | None:
        rng = self.rng
        if self.character == "silent":
            return None
        if self.character == "wrong":
            return rng.choice(["A", "B#", "D"]) if rng.random() < 0.7 else None
        if rng.random() < 0.35:
            return None
        return "".join(
            rng.choice(KEYS) for _ in range(1 if self.character == "busy" else rng.randrange(1, 9))
        )

    def _come_back(self) -> None:
        reason = self.rng.choice(REASONS)
        if reason == "conversation":
            self.served = True
            self._give(Returned("conversation", "seat_left"))
            return
        if reason == "broken":
            self._give(Returned("conversation", "line_broken"))
            return
        last = self.pending[-1]
        self.served |= reason == "callback"
        self.chosen = False
        self._give(Returned("queue" if isinstance(last, ToQueue) else "transfer", reason))

    def _wait(self) -> None:
        due = self.session.deadline
        if due is None:
            raise Fate(f"waits for nothing at {self.session.node}")
        self.now = max(self.now, due)
        self._take(self.session.tick(self.now))

    def _give(self, event: object) -> None:
        self._take(self.session.handle(event, self.now))  # type: ignore[arg-type]

    def _take(self, actions: list[FlowAction]) -> None:
        for step in self.session.take_trace():
            placed = self.flows.flows[step.flow].nodes[step.node]
            verb, branch = placed.body.verb, step.branch
            if (
                branch.startswith("key ")
                or branch in ("graded", "poor")
                or (verb == "collect" and branch == "next")
            ):
                self.chosen = True
            elif branch in ("silence", "wrong", "empty", "failed", "fault", "refused"):
                self.chosen = False
            if verb == "hangup":
                self.excused |= bool(getattr(placed.body, "without_person", ""))
        if actions:
            self.pending = [a for a in actions if not type(a).__name__.startswith("Stop")] or self.pending
        elif not isinstance(self.pending[-1] if self.pending else None, ToQueue | ToTransfer | EndCall):
            self.pending = []


def fates(flows: FlowSet, roots: list[str], rng: random.Random, each: int) -> Iterator[str]:
    """Walk callers of every character; yields what the flows did to those they trapped or lost."""
    for flow in roots:
        for character in ("silent", "wrong", "busy", "fast"):
            for _ in range(each):
                caller = Caller(flows, flow, character, rng)
                try:
                    caller.live()
                except Fate as fate:
                    yield f"{flow}, {character} caller: {fate}"
