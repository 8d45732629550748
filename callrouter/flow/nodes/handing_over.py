"""What `queue` and `transfer` share: the caller goes to somebody, and may come back.

handed over ──nobody answered──▶ the branch of the reason, else `otherwise`
    └── conversation ──far end left──▶ `next`, or the call ends
             └── broken off by a fault ──▶ `otherwise`: the caller still wants a person
"""

from collections.abc import Iterator
from typing import ClassVar

from callrouter.flow.actions import Returned
from callrouter.flow.frame import Frame
from callrouter.flow.node import Choice, Exit, Node, NodeName

ORDERLY: frozenset[str] = frozenset({"seat_left", "partner_left", "over", ""})
"""How a conversation ends when the far end meant it."""


class HandingOver(Node):
    """Base of the verbs that lead to a person."""

    hands_over: ClassVar[bool] = True
    reasons: ClassVar[tuple[str, ...]]
    """Keys that name a reason for coming back."""

    otherwise: NodeName | None = None
    """Where every way back leads that is not named above; left out: to a person."""
    next: NodeName | None = None
    """Where the caller goes when the conversation is over; left out: the call ends."""

    def come_back(self, frame: Frame, signal: Returned) -> str | None:
        """The branch for a caller who is given back."""
        if signal.source != "conversation":
            return self.branch_of(signal.reason)
        if signal.reason not in ORDERLY:
            return "otherwise"
        if self.next is None:
            frame.end(16, "conversation over")
            return None
        return "next"

    def branch_of(self, reason: str) -> str:
        """The branch that is written for a reason, else `otherwise`."""
        named = reason in self.reasons and getattr(self, reason) is not None
        return reason if named else "otherwise"

    def exits(self) -> Iterator[Exit]:
        for reason in self.reasons:
            target: str | None = getattr(self, reason)
            if target is not None:
                callback = reason == "callback"
                yield Exit(reason, target, Choice.CALLER if callback else Choice.FAILURE, (reason,), callback)
        yield Exit("otherwise", self.otherwise, Choice.FAILURE, ("otherwise",))
        if self.next is not None:
            yield Exit("next", self.next, Choice.SYSTEM, ("next",), served=True)
