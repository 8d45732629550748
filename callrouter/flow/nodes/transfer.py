"""`transfer`: connect the caller with a partner line, a seat, or a number outside."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from pydantic import Field, model_validator

from callrouter.flow.actions import Returned, ToTransfer
from callrouter.flow.frame import Frame
from callrouter.flow.node import NodeName, Signal, Source, Typed, Wake
from callrouter.flow.nodes.handing_over import HandingOver

REASONS: Final = ("busy", "no_answer", "closed", "unreachable", "unknown")
CAUSES: Final[Mapping[str, str]] = {
    "cause_17": "busy", "cause_21": "busy",
    "cause_18": "no_answer", "cause_19": "no_answer",
    "cause_1": "unknown", "cause_28": "unknown", "unknown_target": "unknown",
    "no_way": "unreachable", "been_there": "unreachable",
    "line_down": "unreachable", "line_full": "unreachable",
    "seat_busy": "busy", "seat_not_ready": "no_answer",
}  # fmt: skip
"""Q.850 causes and the directory's refusals in the words of the branches."""
KINDS: Final = ("line", "line_from", "seat", "number")


class Transfer(HandingOver):
    """Connect the caller with a partner line, a seat, or a number outside. Nobody is lost when it fails."""

    verb: ClassVar[str] = "transfer"
    reasons: ClassVar[tuple[str, ...]] = REASONS
    example: ClassVar[str] = """
        consumer_line:
          transfer:
            line: "12315"
            busy: partner_busy
            closed: line_closed
            otherwise: seat
    """

    line: str | None = Field(default=None, json_schema_extra={"x-line": True})
    """A line of the directory, such as `12315`."""
    line_from: Source | None = None
    """An expression that names the line."""
    seat: str | None = None
    """A seat."""
    number: str | None = Field(default=None, pattern=r"^\+?[0-9*#]{2,24}$")
    """A telephone number outside, such as `110`."""
    ring_for: float = Field(default=25, ge=5, le=180, allow_inf_nan=False)
    """Seconds until an unanswered attempt is given up."""
    busy: NodeName | None = None
    """Where to go when the far end is busy or declines."""
    no_answer: NodeName | None = None
    """Where to go when nobody answers."""
    closed: NodeName | None = None
    """Where to go outside the line's hours."""
    unreachable: NodeName | None = None
    """Where to go when the line's trunk is down or full."""
    unknown: NodeName | None = None
    """Where to go when there is no such line."""

    @model_validator(mode="after")
    def _one_target(self) -> "Transfer":
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"name exactly one target: {', '.join(KINDS)}. Here are {len(given)}")
        return self

    def step(self, frame: Frame, signal: Wake) -> str | None:
        if signal is Signal.ENTER:
            return self._begin(frame)
        return self.come_back(frame, signal) if isinstance(signal, Returned) else None

    def branch_of(self, reason: str) -> str:
        return super().branch_of(CAUSES.get(reason, "unreachable" if reason.startswith("cause_") else reason))

    def expressions(self) -> Iterator[Typed]:
        if self.line_from is not None:
            yield Typed(self.line_from, "string", ("line_from",))

    def _begin(self, frame: Frame) -> str | None:
        frame.buffer.clear()
        kind = next(kind for kind in KINDS if getattr(self, kind) is not None)
        target = getattr(self, kind)
        if kind == "line_from":
            kind, target = "line", frame.evaluate(target)
        if not isinstance(target, str) or not target:
            return self.branch_of("unknown")
        frame.act(
            ToTransfer(
                kind=kind,
                target=target,
                ring_for=self.ring_for,
                language=frame.language,
                comes_back=self.next is not None,
            )
        )
        return None
