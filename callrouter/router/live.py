"""A live call as the router sees it: its legs, its conversation and its flow session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acd.call import Call
from acd.commands import Hangup
from acd.conversation import Conversation
from acd.ids import Instant, PlaybackId
from acd.record import CALLED_BACK, INTERRUPTED, Activity, CallRecord, FlowStep, Role
from callrouter.flow.actions import ToQueue
from callrouter.flow.session import FlowSession
from callrouter.router.recorder import Recorder

if TYPE_CHECKING:
    from callrouter.router.voicemail import Message
    from callrouter.router.waiting import CallbackTalk


class LiveCall:
    """One call with all that belongs to it."""

    __slots__ = (
        "answers",
        "call",
        "callback",
        "flow",
        "interrupted",
        "kept",
        "later",
        "message",
        "recorded",
        "recorder",
        "session",
        "skills",
        "survived",
        "talk",
        "tokens",
        "trace",
        "waiting_since",
        "wish",
    )

    def __init__(self, call: Call, talk: Conversation) -> None:
        self.call = call
        self.talk = talk
        self.session: FlowSession | None = None
        self.flow = ""
        self.tokens: dict[PlaybackId, int] = {}
        self.trace: list[FlowStep] = []
        self.recorded = False
        self.callback: CallbackTalk | None = None
        self.message: Message | None = None
        """The message that the caller is just leaving."""
        self.recorder = Recorder()
        self.answers = 0
        self.wish: ToQueue | None = None
        """How the flow wants the caller to wait."""
        self.skills = ""
        """What the caller was first put in line for: see `CallRecord.skills`."""
        self.waiting_since: Instant = 0.0
        self.later: list[Hangup] = []
        """Hang-ups that give a phone time to read how its REFER went."""
        self.survived = False
        """Taken up from the controller before; what has become of it is not known yet."""
        self.interrupted = False
        """The controller stops, and nobody has the caller in care."""
        self.kept: Instant = 0.0
        """When a caller of the last resort was put in line again."""

    def way(self) -> tuple[FlowStep, ...]:
        """The way through the flow so far, the node that the caller is at last."""
        present = self.session.present_step() if self.session is not None else None
        return (*self.trace, present) if present is not None else tuple(self.trace)

    def record(self, now: Instant) -> CallRecord:
        """The whole story, once every leg is gone."""
        call = self.call
        if self.session is not None:
            self.trace += self.session.take_trace(final=True)
        return CallRecord(
            call=call.id,
            node=call.node,
            channel=call.came_by or call.caller.channel,
            dialled=call.dialled,
            caller=call.caller_number,
            trunk=call.trunk,
            organisation=call.organisation,
            flow=self.flow,
            flow_version=self.session.version if self.session else "",
            language=self.session.language if self.session else call.language,
            queue=call.queue,
            first_seat=call.first_seat,
            first_agent=call.first_agent,
            ingress=call.ingress,
            accepted=call.accepted,
            menu_end=call.menu_end,
            enqueued=call.enqueued,
            rang=call.rang,
            answered=call.answered,
            ended=call.ended if call.ended is not None else now,
            ended_by=call.ended_by,
            cause=call.cause,
            outcome=self._outcome(),
            segments=tuple(sorted(call.segments, key=lambda s: (s.started, s.track != "caller", s.track))),
            transfers=tuple(sorted(call.transfers, key=lambda transfer: transfer.number)),
            trace=tuple(self.trace),
            skills=self.skills,
        )

    def _outcome(self) -> str:
        if not self.talk.is_callback:
            found = outcome(self.call)
            return INTERRUPTED if self.interrupted and found != "answered" else found
        return CALLED_BACK + (self.call.callback_outcome or ("reached" if self.call.accepted else "failed"))


def outcome(call: Call) -> str:
    """One word for how the call went, from the caller's side."""
    if call.rejected:
        return "rejected"
    if call.answered is not None or any(
        leg.answered is not None for leg in call.legs if leg.role is not Role.CALLER
    ):
        return "answered"
    if call.enqueued is None:
        return "abandoned_flow" if call.ended_by == "caller" else "flow_ended"
    if call.ended_by != "caller":
        return "failed" if call.ended_by == "system" else "flow_ended"
    last = next((s for s in reversed(call.segments) if s.track == "caller"), None)
    return _ABANDONED.get(last.activity, "abandoned_queue") if last is not None else "abandoned_queue"


_ABANDONED: Final = {Activity.RING: "abandoned_ringing", Activity.FLOW: "abandoned_flow"}
"""Where the caller was last, when they had been in a queue; the flow: a queue had given them back."""
