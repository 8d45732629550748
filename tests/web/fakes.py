"""An engine, records, accounts and an audit trail in memory."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from acd import events
from acd.commands import OfferClosed
from acd.events import Intent, Refused
from acd.ids import AgentId, CallId, Instant, NodeId, OrgId, QueueId, SeatId
from acd.record import CallRecord, FlowStep
from callrouter.config.faults import ConfigError, Fault
from callrouter.config.versions import Change as SiteChange
from callrouter.config.versions import Files, Version, Versions
from callrouter.live_site import Taken, UnknownFile
from callrouter.mailboxes import MessageView, SoundStuck
from callrouter.operator_notices import Notice
from callrouter.ports import (
    NO_ORGANISATION,
    AuditEntry,
    CallbackView,
    CallView,
    Change,
    Health,
    LegView,
    LineView,
    MissedView,
    QueueView,
    Role,
    SeatView,
    SignedIn,
    Snapshot,
    Unavailable,
    User,
)
from callrouter.recordings import RecordingView, SoundAltered, SoundErased
from callrouter.web.metrics import Counted, Figures

T0 = 1_795_000_000.25


def seat_view(seat: str, **changes: Any) -> SeatView:
    base = SeatView(
        seat=SeatId(seat),
        name=f"座席 {seat}",
        agent=None,
        state="logged_out",
        reason="",
        since=T0,
        until=None,
        reachable=True,
        queues=(QueueId("main"),),
        call=None,
        organisation=OrgId("qinghai"),
    )
    return structs.replace(base, **changes)


def queue_view(queue: str = "main", **changes: Any) -> QueueView:
    base = QueueView(
        queue=QueueId(queue),
        name="综合受理",
        waiting=2,
        longest_since=T0 - 7,
        staffed=3,
        ready=1,
        busy=2,
        offered=20,
        answered=18,
        abandoned=1,
        answered_in_target=17,
        organisation=OrgId("qinghai"),
    )
    return structs.replace(base, **changes)


def call_view(call: str, **changes: Any) -> CallView:
    base = CallView(
        call=CallId(call),
        owner="conversation",
        caller="13812345678",
        dialled="12345",
        ingress=T0 - 30,
        answered=T0 - 20,
        queue=QueueId("main"),
        seat=SeatId("s1"),
        place=None,
        flow="province",
        node="to_seat",
        language="zh",
        transfer_state="",
        transfer_target="",
        legs=(LegView(role="seat", party="s1", activity="talk", since=T0 - 20),),
        organisation=OrgId("qinghai"),
    )
    return structs.replace(base, **changes)


def line_view(number: str = "12315", **changes: Any) -> LineView:
    base = LineView(
        number=number,
        name="消费者投诉举报",
        kind="hotline",
        open=True,
        calls=0,
        capacity=0,
        refusal="",
        ways=(),
    )
    return replace(base, **changes)


def callback_view(callback: str, **changes: Any) -> CallbackView:
    base = CallbackView(
        callback=CallId(callback),
        origin=CallId("c0"),
        queue=QueueId("main"),
        number="13812345678",
        state="waiting",
        attempts=0,
        asked=T0 - 60,
        due=None,
        expires=T0 + 3600,
        seat=None,
        organisation=OrgId("qinghai"),
    )
    return replace(base, **changes)


def missed_view(call: str, **changes: Any) -> MissedView:
    base = MissedView(
        call=CallId(call),
        queue=QueueId("main"),
        caller="13812345678",
        enqueued=T0 - 90,
        left=T0 - 30,
        organisation=OrgId("qinghai"),
    )
    return replace(base, **changes)


class FakeEngine:
    """Keeps what was submitted; signing in and out and readiness act on the seats it shows."""

    def __init__(self) -> None:
        self.seats = {view.seat: view for view in (seat_view("s1"), seat_view("s2"), seat_view("s3"))}
        self.queues = {QueueId("main"): queue_view()}
        self.calls: dict[CallId, CallView] = {}
        self.lines = [line_view()]
        self.ways: dict[CallId, tuple[FlowStep, ...]] = {}
        self.promised: dict[CallId, CallbackView] = {}
        self.gone: dict[CallId, MissedView] = {}
        self.submitted: list[Intent] = []
        self.refusal: Refused | None = None
        self.subscribers: list[Callable[[Change], None]] = []
        self.problems: tuple[str, ...] = ()

    def submit(self, intent: Intent) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.submitted.append(intent)
        match intent:
            case events.SeatSignedIn(seat=seat, agent=agent):
                self.change_seat(seat, agent=agent, state="not_ready", reason="signed_in")
            case events.SeatSignedOut(seat=seat):
                self.change_seat(seat, agent=None, state="logged_out", reason="")
            case events.SeatReadied(seat=seat):
                self.change_seat(seat, state="ready", reason="")
            case events.SeatNotReadied(seat=seat, reason=reason):
                self.change_seat(seat, state="not_ready", reason=reason)

    def change_seat(self, seat: str, **changes: Any) -> None:
        view = structs.replace(self.seats[SeatId(seat)], **changes)
        self.seats[view.seat] = view
        self.tell(Change(seat=view))

    def change_call(self, view: CallView) -> None:
        self.calls[view.call] = view
        self.tell(Change(call=view))

    def end_call(self, call: str) -> None:
        del self.calls[CallId(call)]
        self.tell(Change(ended=CallId(call)))

    def tell(self, change: Change) -> None:
        for subscriber in list(self.subscribers):
            subscriber(change)

    def snapshot(self) -> Snapshot:
        return Snapshot(
            at=T0,
            seats=tuple(self.seats.values()),
            queues=tuple(self.queues.values()),
            calls=tuple(self.calls.values()),
            lines=tuple(self.lines),
        )

    def seat(self, seat: SeatId) -> SeatView | None:
        return self.seats.get(seat)

    def way(self, call: CallId) -> tuple[FlowStep, ...]:
        return self.ways.get(call, ())

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        self.subscribers.append(callback)
        return lambda: self.subscribers.remove(callback)

    def callbacks(self) -> tuple[CallbackView, ...]:
        return tuple(self.promised.values())

    def missed(self) -> tuple[MissedView, ...]:
        return tuple(self.gone.values())

    def call_back(self, call: CallId) -> CallId:
        if self.refusal is not None:
            raise self.refusal
        missed = self.gone.pop(call)
        view = callback_view(f"{call}-c1", origin=call, organisation=missed.organisation)
        self.promised[view.callback] = view
        return view.callback

    def cancel_callback(self, callback: CallId) -> None:
        if self.refusal is not None:
            raise self.refusal
        del self.promised[callback]

    def health(self) -> Health:
        return Health(
            ready=not self.problems,
            problems=self.problems,
            nodes={NodeId("n1"): not self.problems},
            calls=len(self.calls),
            loop_delay_p99=0.001,
        )


class FakeRecords:
    def __init__(self) -> None:
        self.found: list[CallRecord] = []
        self.made: list[OfferClosed] = []
        self.away = False

    async def call(self, call: CallId) -> CallRecord | None:
        self._check()
        return next((record for record in self.found if record.call == call), None)

    async def offers(self, call: CallId) -> Sequence[OfferClosed]:
        self._check()
        return [offer for offer in self.made if offer.call == call]

    async def calls(
        self,
        *,
        since: Instant | None = None,
        until: Instant | None = None,
        outcome: str | None = None,
        agent: AgentId | None = None,
        organisations: Collection[OrgId] | None = None,
        limit: int = 50,
    ) -> Sequence[CallRecord]:
        self._check()
        fits = [
            record
            for record in sorted(self.found, key=lambda record: -record.ingress)
            if (since is None or record.ingress >= since)
            and (until is None or record.ingress < until)
            and (outcome is None or record.outcome == outcome)
            and (agent is None or record.first_agent == agent)
            and (organisations is None or record.organisation in organisations)
        ]
        return fits[:limit]

    async def stream(self, *, since: Instant, until: Instant) -> AsyncIterator[CallRecord]:
        for record in await self.calls(since=since, until=until, limit=10**9):
            yield record

    def _check(self) -> None:
        if self.away:
            raise Unavailable("database is locked, user=secret")


def message_view(id: str, **changes: Any) -> MessageView:
    base = MessageView(
        id=id,
        mailbox="complaints",
        organisation=OrgId("qinghai"),
        call=CallId("c0"),
        queue=None,
        number="13812345678",
        received=T0 - 600,
        seconds=12.5,
        heard=None,
        heard_by=None,
    )
    return replace(base, **changes)


class FakeMailboxes:
    """`sounds`: files by message; `stuck`: why none can be removed."""

    def __init__(self) -> None:
        self.found: dict[str, MessageView] = {}
        self.sounds: dict[str, Path] = {}
        self.stuck = ""

    async def messages(
        self,
        *,
        mailbox: str | None = None,
        heard: bool | None = None,
        organisations: Collection[OrgId] | None = None,
        until: Instant | None = None,
        limit: int = 50,
    ) -> Sequence[MessageView]:
        fits = [
            view
            for view in sorted(self.found.values(), key=lambda view: -view.received)
            if mailbox in (None, view.mailbox)
            and heard in (None, view.heard is not None)
            and (organisations is None or view.organisation in organisations)
            and (until is None or view.received < until)
        ]
        return fits[:limit]

    async def message(self, id: str) -> MessageView | None:
        return self.found.get(id)

    async def sound(self, id: str) -> Path | None:
        view = self.found[id]
        if view.erased is not None:
            raise SoundErased(view.erased, view.erased_by)
        return self.sounds.get(id)

    async def mark(self, id: str, heard: Instant | None, by: str | None) -> None:
        self.found[id] = replace(self.found[id], heard=heard, heard_by=by)

    async def delete(self, id: str) -> None:
        if self.stuck:
            raise SoundStuck(self.stuck)
        del self.found[id]


class FakeRecordings:
    """`sounds`: files by recording; `altered`: in what every one differs from what was recorded."""

    def __init__(self) -> None:
        self.found: list[RecordingView] = []
        self.sounds: dict[str, Path] = {}
        self.altered = ""

    async def of_call(self, call: CallId) -> Sequence[RecordingView]:
        return [view for view in self.found if view.call == call]

    async def sound(self, id: str) -> Path | None:
        view = next(view for view in self.found if view.id == id)
        if view.erased is not None:
            raise SoundErased(view.erased, view.erased_by)
        if self.altered:
            raise SoundAltered(self.altered)
        return self.sounds.get(id)


class FakeNotices:
    """`show` is what happens; `callbacks`: who has subscribed."""

    def __init__(self) -> None:
        self.found: tuple[Notice, ...] = ()
        self.callbacks: list[Callable[[], None]] = []

    def current(self) -> tuple[Notice, ...]:
        return self.found

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def show(self, *found: Notice) -> None:
        self.found = found
        for callback in list(self.callbacks):
            callback()


class FakePast:
    """`found`: the latest first; `files`: by version."""

    def __init__(self) -> None:
        self.found: list[Taken] = []
        self.files: dict[str, Files] = {}

    async def of_call(self, record: CallRecord) -> Taken | None:
        return next((one for one in self.found if one.at <= record.ingress), None)

    async def taken(self, *, until: Instant | None = None, limit: int = 50) -> Sequence[Taken]:
        return [one for one in self.found if until is None or one.at < until][:limit]

    async def sources(self, digest: str) -> tuple[str, Files] | None:
        names = [name for name in self.files if name.startswith(digest)]
        return (names[0], self.files[names[0]]) if len(names) == 1 else None


class FakeSite:
    """`faults`: what is wrong with every file offered; `away`: why the folder cannot be written."""

    def __init__(self) -> None:
        self.versions: Versions[None] = Versions(None, {"province.yaml": b"flow: province\n"}, T0, "start")
        self.faults: tuple[Fault, ...] = ()
        self.away: OSError | None = None

    def in_force(self) -> Version:
        return self.versions.version

    def kept(self) -> Sequence[tuple[str, Instant]]:
        return [(version.digest, version.at) for version in self.versions.history]

    def changes(self) -> Sequence[SiteChange]:
        return self.versions.changes

    def files(self) -> Files:
        return self.versions.version.files

    async def check_file(self, name: str, content: bytes) -> Sequence[str]:
        if not name.endswith(".yaml"):
            raise UnknownFile(f"{name!r} is no file of a site: *.yaml are")
        if self.faults:
            raise ConfigError(self.faults)
        return (f"{name}: {len(content)} bytes",)

    async def put_file(self, name: str, content: bytes, by: str) -> SiteChange:
        words = await self.check_file(name, content)
        if self.away is not None:
            raise self.away
        return self.versions.apply(None, {**self.files(), name: content}, T0 + 1, by, words)

    async def reload(self, by: str) -> SiteChange | None:
        if self.away is not None:
            raise self.away
        if not self.faults:
            return None
        return self.versions.refuse(self.faults, {"x.yaml": b"?"}, T0 + 2, by)

    async def go_back(self, version: str, by: str) -> SiteChange | None:
        found = self.versions.find(version)
        if found is None:
            raise LookupError(f"0 kept versions begin with {version!r}")
        if found.digest == self.in_force().digest:
            return None
        return self.versions.apply(None, found.files, T0 + 3, by, ("back",))


def user(name: str, *roles: Role, **changes: Any) -> User:
    base = User(
        name=name,
        display=name.title(),
        roles=frozenset(roles),
        organisation=OrgId("qinghai"),
        agent=AgentId(name) if Role.AGENT in roles else None,
        seats=(),
        see_numbers=False,
    )
    return replace(base, **changes)


class FakeAccounts:
    """Everybody's password is ``secret-NAME``, everybody's token ``token-NAME``."""

    def __init__(self) -> None:
        people = (
            user("agent1", Role.AGENT, seats=(SeatId("s1"), SeatId("s2"))),
            user("agent2", Role.AGENT, seats=(SeatId("s2"),)),
            user("boss", Role.SUPERVISOR),
            user("chief", Role.SUPERVISOR, organisation=NO_ORGANISATION),
            user("xining", Role.SUPERVISOR, organisation=OrgId("xining")),
            user("engineer", Role.ENGINEER),
            user("auditor", Role.AUDITOR),
        )
        self.users = {person.name: person for person in people}
        self.revoked: set[str] = set()

    async def sign_in(self, name: str, password: str) -> SignedIn | None:
        if name not in self.users or password != f"secret-{name}":
            return None
        self.revoked.discard(f"token-{name}")
        return SignedIn(token=f"token-{name}", user=self.users[name], expires=T0 + 3600)

    async def user_of(self, token: str) -> User | None:
        return None if token in self.revoked else self.users.get(token.removeprefix("token-"))

    async def sign_out(self, token: str) -> None:
        self.revoked.add(token)


@dataclass
class FakeAudit:
    entries: list[AuditEntry] = field(default_factory=list)

    def note(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    def actions(self) -> list[tuple[str, str, str]]:
        return [(entry.who, entry.action, entry.subject) for entry in self.entries]


class FakeMetrics:
    def figures(self) -> Figures:
        return Figures(
            calls_by_outcome={"answered": 3},
            loop_delay_buckets=((0.001, 5), (0.01, 9), (float("inf"), 10)),
            loop_delay_sum=0.05,
            links={"ari/n1": True, "ami/n1": False},
            store_lag=0.02,
            answer_rate_24h=(19, 20),
            outbox=7,
            counters=(
                Counted(
                    "callrouter_ari_requests",
                    "Sent.",
                    ("node", "command"),
                    {("n1", "Answer"): 4, ("n1", "Play"): 2},
                ),
                Counted("callrouter_store_entries", "By result.", ("result",), {("written",): 9}),
            ),
        )


class Watch:
    def __init__(self) -> None:
        self.at = T0

    def now(self) -> float:
        return self.at
