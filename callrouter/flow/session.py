"""The flow interpreter: one caller's walk, as a pure function of (state, event, now).

    start ──AnswerCall──▶ node ──branch──▶ node ── … ──▶ queue / transfer ──▶ (returns) … ──▶ end

A node *stays* until an event gives it a branch; the branch's target is entered
at once, so one event may pass many nodes. Whatever fails leads towards a person:

* a branch without a target, a fault inside a node, `0`, or too many steps → the flow's person node;
* the person node failing in its turn → the default queue as last resort, which
  knows no limits; should even that be given back, it is asked again with growing pauses.

Only a `hangup` node ends a call.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from acd.ids import Instant, Seconds
from acd.record import FlowStep
from callrouter.flow.actions import (
    ActionFailed,
    AnswerCall,
    Answered,
    Digit,
    FlowAction,
    FlowEvent,
    LookupDone,
    MediaFinished,
    RecordingFinished,
    Returned,
    ToQueue,
    ToTransfer,
)
from callrouter.flow.calendar import LOCAL
from callrouter.flow.expression import EvaluationError
from callrouter.flow.frame import JUMPED, Frame
from callrouter.flow.kept import KeptSession
from callrouter.flow.node import FAILED, PERSON, Placed, Signal, Wake
from callrouter.flow.program import FlowSet
from callrouter.flow.trace import Trace

__all__ = ["CallFacts", "FlowSession"]

MAX_STEPS: Final = 400
"""Nodes that one call may pass before it is led to a person."""
ANSWER_LIMIT: Final[Seconds] = 10
HAND_OVERS: Final = (ToQueue, ToTransfer)
PAUSES: Final[tuple[Seconds, ...]] = (1, 2, 5, 10, 30)
"""Before the last resort is asked again."""
KEYS: Final = frozenset("0123456789*#ABCD")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What is known of a call when its flow begins. `caller` is ``""`` when withheld."""

    call: str
    dialled: str
    caller: str = ""
    organisation: str = ""
    language: str = "zh"
    trunk: str = ""


class FlowSession:
    """One call in a flow. Keeps the flow set's version that it began with.

    Feed it `handle` and, at `deadline`, `tick`; carry out what they return.
    Raises KeyError on construction when the flow is not in the set.
    """

    def __init__(self, flows: FlowSet, flow: str, call: CallFacts, now: Instant) -> None:
        root = flows.flows[flow]
        self.call = call
        self.version = flows.version
        self.finished = False
        self._root = root
        language = call.language if call.language in root.languages else root.languages[0]
        facts: dict[str, object] = {
            "call_id": call.call, "caller": call.caller, "dialled": call.dialled, "trunk": call.trunk,
            "organisation": call.organisation, "language": language, "outcome": "", "answer": None,
        }  # fmt: skip
        self._frame = Frame(flows, root, {**facts, **root.defaults}, language)
        self.steps = 0
        """Nodes entered so far."""
        self._trace = Trace(self._frame)
        self._answering = False
        self._last_resort = 0
        self._minute = -1
        self._clock(now)

    # --- what the machinery asks -------------------------------------------------------

    @property
    def node(self) -> str:
        """Name of the node the caller is at, ``flow/node`` within a subflow."""
        frame = self._frame
        return f"{frame.flow.id}/{frame.at.name}" if frame.stack else frame.at.name

    @property
    def language(self) -> str:
        return self._frame.language

    @property
    def variables(self) -> dict[str, object]:
        """The flow's variables as they stand; secret ones hidden."""
        frame = self._frame
        return {
            name: "•••" if name in frame.flow.secret else frame.variables[name]
            for name in frame.flow.variables
        }

    @property
    def takes_callback(self) -> bool:
        """The node the caller is at says what comes after a promised callback."""
        return getattr(self._frame.at.body, "callback", None) is not None

    @property
    def deadline(self) -> Instant | None:
        """When `tick` wants to be called, if nothing happens before."""
        return None if self.finished else self._frame.deadline

    def keep(self) -> KeptSession | None:
        """What `resume` needs, while the caller is handed over; None: the flow itself has the caller."""
        frame = self._frame
        if self.finished or self._answering or not (frame.at.body.hands_over or self._last_resort):
            return None
        *within, at = frame.places()
        return KeptSession(
            version=self.version,
            root=self._root.id,
            language=frame.language,
            at=at,
            within=tuple(within),
            steps=self.steps,
            last_resort=self._last_resort,
        )

    @classmethod
    def resume(cls, flows: FlowSet, kept: KeptSession, call: CallFacts, now: Instant) -> "FlowSession":
        """A session that goes on where another was handed over.

        Raises KeyError when its place isn't there any more, or hands nobody over now.
        """
        session = cls(flows, kept.root, call, now)
        session._frame.go_to((*kept.within, kept.at))
        if not (session._frame.at.body.hands_over or kept.last_resort):
            raise KeyError(kept.at.node)
        session._frame.language = kept.language
        session.version, session.steps, session._last_resort = kept.version, kept.steps, kept.last_resort
        session._minute = -1
        session._clock(now)
        return session

    def start(self, now: Instant) -> list[FlowAction]:
        """Answer the call."""
        self._clock(now)
        self._answering = True
        self._frame.wait(ANSWER_LIMIT)
        self._frame.act(AnswerCall())
        return self._drain()

    def lead_to_person(self, now: Instant) -> list[FlowAction]:
        """Answer if need be, and skip everything on the way to the flow's person."""
        self._clock(now)
        self._answering = False
        self._frame.abandon()
        self._frame.act(AnswerCall())
        self._leave(PERSON)
        return self._drain()

    def handle(self, event: FlowEvent, now: Instant) -> list[FlowAction]:
        """React to a fact. Late, doubled and unexpected facts change nothing."""
        if self.finished:
            return []
        self._clock(now)
        match event:
            case Digit():
                self._on_digit(event)
            case MediaFinished():
                self._on_media(event)
            case Returned():
                self._on_returned(event)
            case Answered():
                self._begin()
            case LookupDone() | RecordingFinished():
                self._on_reply(event)
            case ActionFailed():
                self._on_refusal(event)
        return self._drain()

    def tick(self, now: Instant) -> list[FlowAction]:
        """The deadline has come."""
        frame = self._frame
        due = frame.deadline
        if self.finished or due is None or now < due:
            return []
        self._clock(now)
        if frame.media is not None and frame.media_until == due:
            token = frame.media
            frame.stop()
            self._run(MediaFinished(token, failed=True))
            return self._drain()
        frame.timer = None
        if self._answering:
            self._begin()
        elif self._last_resort:
            self._resort()
        else:
            self._run(Signal.TIMEOUT)
        return self._drain()

    def take_trace(self, *, final: bool = False) -> list[FlowStep]:
        """Nodes passed since the last time; with `final` (the caller is gone) the present one, too."""
        return self._trace.take(final=final)

    def present_step(self) -> FlowStep | None:
        """The node that the caller is at, without a branch yet; None when handed over or over."""
        return self._trace.present()

    # --- events ---------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._answering:
            self._answering = False
            self._enter(self._frame.at)
            self._run(Signal.ENTER)

    def _on_digit(self, event: Digit) -> None:
        frame = self._frame
        if event.digit not in KEYS or self._last_resort:
            return
        body = frame.at.body
        if self._answering or not body.listens:
            if not body.hands_over:
                frame.push(event.digit)
        elif event.digit == "0" and not frame.buffer and not frame.input and body.zero_is_person():
            frame.abandon()
            self._leave(PERSON)
        else:
            frame.push(event.digit)
            self._run(Signal.DIGIT)

    def _on_media(self, event: MediaFinished) -> None:
        frame = self._frame
        if frame.media == event.token:
            frame.media = None
            self._run(event)

    def _on_reply(self, event: LookupDone | RecordingFinished) -> None:
        frame = self._frame
        if frame.waiting == event.token:
            frame.waiting = None
            frame.timer = None
            self._run(event)

    def _on_returned(self, event: Returned) -> None:
        frame = self._frame
        if self._last_resort and event.source == "conversation":
            self._last_resort = 0
            if not frame.at.body.hands_over:
                frame.end(16, "conversation over")
                return
        if self._last_resort:
            frame.wait(PAUSES[min(self._last_resort, len(PAUSES)) - 1])
        elif frame.at.body.hands_over:
            frame.variables["outcome"] = event.reason
            self._run(event)

    def _on_refusal(self, event: ActionFailed) -> None:
        frame = self._frame
        if event.what == "AnswerCall":
            self._begin()
        elif event.what == "PlayMedia" and frame.media is not None:
            self._on_media(MediaFinished(frame.media, failed=True))
        elif event.what in ("ToQueue", "ToTransfer"):
            self._on_returned(Returned("queue" if event.what == "ToQueue" else "transfer", event.reason))
        elif event.what in ("Lookup", "BookCallback") and frame.waiting is not None:
            self._on_reply(LookupDone(frame.waiting, ok=False, reason=event.reason))
        elif event.what == "RecordVoice" and frame.waiting is not None:
            self._on_reply(RecordingFinished(frame.waiting, ok=False, reason=event.reason))

    # --- the walk ---------------------------------------------------------------------------

    def _run(self, signal: Wake) -> None:
        frame = self._frame
        try:
            label = frame.at.body.step(frame, signal)
        except EvaluationError as error:
            label = self._failed(error)
        if label is not None:
            self._leave(label)

    def _leave(self, label: str) -> None:
        """Follow branches until a node stays."""
        frame = self._frame
        branch: str | None = label
        while branch is not None:
            if branch is JUMPED:
                self._trace.close("call")
            else:
                if frame.came_back:
                    self._trace.close_return()
                self._trace.close(branch)
                target = frame.at.exits.get(branch)
                node = frame.flow.nodes[target] if target is not None else self._person()
                if node is None:
                    return self._resort()
                frame.at = node
            self.steps += 1
            if self.steps > MAX_STEPS:
                return self._resort()
            self._enter(frame.at)
            try:
                branch = frame.at.body.step(frame, Signal.ENTER)
            except EvaluationError as error:
                branch = self._failed(error)
        return None

    def _failed(self, error: EvaluationError) -> str:
        self._frame.note("fault", str(error))
        self._frame.abandon()
        return FAILED

    def _person(self) -> Placed | None:
        """The root flow's person node; None when the caller has just come from there."""
        frame = self._frame
        name = self._root.person
        if name is None or (not frame.stack and frame.at.name == name):
            return None
        frame.unwind()
        return frame.flow.nodes[name]

    def _resort(self) -> None:
        """The last resort: a queue without limits."""
        frame = self._frame
        frame.enter()
        self._last_resort += 1
        frame.act(ToQueue(queue=frame.flows.default_queue, language=frame.language, last_resort=True))

    # --- bookkeeping ---------------------------------------------------------------------------

    def _enter(self, node: Placed) -> None:
        self._frame.enter()
        self._trace.open(self._frame.flow, node.name, node.line)

    def _clock(self, now: Instant) -> None:
        """Bring the local time that expressions read up to date."""
        frame = self._frame
        frame.now = now
        if (minute := int(now // 60)) != self._minute:
            self._minute = minute
            local = datetime.fromtimestamp(now, UTC).astimezone(LOCAL)
            values = {"date": local.date().isoformat(), "weekday": local.isoweekday(),
                      "hour": local.hour, "minute": local.minute}  # fmt: skip
            frame.variables.update(values)

    def _drain(self) -> list[FlowAction]:
        frame = self._frame
        actions, frame.actions = frame.actions, []
        if frame.ended and not self.finished:
            self.finished = True
            self._trace.close("end")
        elif actions and isinstance(last := actions[-1], HAND_OVERS):
            self._trace.close(_handed_to(last))
        return actions


def _handed_to(action: ToQueue | ToTransfer) -> str:
    if isinstance(action, ToTransfer):
        return f"to {action.kind} {action.target}"
    return f"to queue {action.queue}" + (" as last resort" if action.last_resort else "")
