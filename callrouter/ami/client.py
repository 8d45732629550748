"""Asterisk's manager interface: which phones are there, and the few things only it can do.

Nothing polls: one list of contacts at each connection, events from then on.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from panoramisk.message import Message

from acd.commands import MonitorStart, MonitorStop
from acd.events import PhoneEvent
from acd.ids import ChannelId, SeatId
from callrouter.ami.errors import AmiError, AmiRefused
from callrouter.ami.protocol import SafeProtocol, Value
from callrouter.ami.reachability import Contact, Reachability, TrunkReachability
from callrouter.backoff import Backoff

_log = structlog.get_logger(__name__)

_MAX_HELD = 50_000
"""Contact events kept while the list of contacts is on its way."""
_NOT_USABLE = frozenset({"UNAVAILABLE", "INVALID"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiSettings:
    """All times in seconds."""

    host: str = "127.0.0.1"
    port: int = 5038
    user: str
    password: str = field(repr=False)
    action_timeout: float = 5.0
    ping_interval: float = 10.0
    backoff_first: float = 0.2
    backoff_last: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiHealth:
    """`round_trip` is that of this very question, in seconds."""

    connected: bool
    round_trip: float | None = None
    calls: int | None = None
    started: str = ""
    reloaded: str = ""
    problem: str = ""


class AmiClient:
    """One task runs `run`; everything else is called in the same loop.

    `seats` maps endpoints to seats; `trunks` names those whose OPTIONS tell whether they live.
    """

    def __init__(
        self, settings: AmiSettings, seats: Mapping[str, SeatId], trunks: Collection[str] = ()
    ) -> None:
        self.events: Counter[str] = Counter()
        self.connections = 0
        self._settings = settings
        self._reachability = Reachability(seats)
        self._trunks = TrunkReachability(trunks)
        self._protocol: SafeProtocol | None = None
        self._sink: Callable[[PhoneEvent], None] | None = None
        self._held: list[Message] | None = None
        self._resync = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._protocol is not None

    async def run(self, sink: Callable[[PhoneEvent], None]) -> None:
        """Stay connected until cancelled and tell `sink` which seats' phones are reachable.

        Raises `AmiRefused` when the first login is refused; later refusals and
        all other faults are tried again, for ever.
        """
        self._sink = sink
        backoff = Backoff(self._settings.backoff_first, self._settings.backoff_last)
        while True:
            before = self.connections
            try:
                await self._connect_and_serve()
            except AmiRefused as error:
                if not self.connections:
                    raise
                _log.error("ami.refused", error=str(error))
            except (AmiError, OSError) as error:
                _log.warning("ami.link_lost", error=str(error) or type(error).__name__)
            finally:
                self._protocol = None
                self._held = None
            if self.connections > before:
                backoff.reset()
            await asyncio.sleep(backoff.next())

    # --- what only the manager interface can do --------------------------------------

    async def answer_phone(self, channel: ChannelId) -> None:
        """Make the phone that rings on this channel answer: in-dialog NOTIFY with ``Event: talk``.

        Returns when Asterisk has sent it; whether the phone obeys shows in the
        call. Raises `AmiError`.
        """
        await self._ask("PJSIPNotify", {"Channel": channel, "Variable": "Event=talk"})

    async def monitor(self, command: MonitorStart | MonitorStop) -> None:
        """Begin or end the recording of a channel (`MixMonitor`), found by its unique id.

        The file lies in the spool's ``monitor`` folder, named by the recording. An
        end for a channel that is gone is fine: the recording went with it. Raises `AmiError`.
        """
        if isinstance(command, MonitorStart):
            await self._ask("MixMonitor", {"Channel": command.channel, "File": f"{command.recording}.wav"})
            return
        try:
            await self._ask("StopMixMonitor", {"Channel": command.channel})
        except AmiError as error:
            if "No such channel" not in str(error):
                raise

    async def reload(self, module: str) -> None:
        """Make a module read its configuration again, e.g. ``res_pjsip.so``. Raises `AmiError`."""
        await self._ask("Reload", {"Module": module})

    def replace_seats(self, seats: Mapping[str, SeatId]) -> None:
        """The plan of seats has changed: learn the new ones' state."""
        self._reachability.replace_seats(seats)
        self._resync.set()

    def replace_trunks(self, trunks: Collection[str]) -> None:
        """The directory has changed: learn the new trunks' state."""
        self._trunks.replace_trunks(trunks)
        self._resync.set()

    async def health(self) -> AmiHealth:
        """Ask Asterisk how it is. Never raises: a fault is part of the answer."""
        asked = time.monotonic()
        try:
            (status,) = await self._ask("CoreStatus", {})
        except AmiError as error:
            return AmiHealth(connected=self.connected, problem=str(error))
        return AmiHealth(
            connected=True,
            round_trip=time.monotonic() - asked,
            calls=int(status.corecurrentcalls or 0),
            started=f"{status.corestartupdate} {status.corestartuptime}",
            reloaded=f"{status.corereloaddate} {status.corereloadtime}",
        )

    async def _ask(
        self, name: str, fields: Mapping[str, Value], *, as_list: bool | None = None
    ) -> list[Message]:
        if self._protocol is None:
            raise AmiError("no link to Asterisk's manager interface")
        return await self._protocol.ask(name, fields, seconds=self._settings.action_timeout, as_list=as_list)

    # --- the link --------------------------------------------------------------------

    async def _connect_and_serve(self) -> None:
        settings, lost = self._settings, asyncio.Event()
        async with asyncio.timeout(settings.action_timeout):
            _, protocol = await asyncio.get_running_loop().create_connection(
                lambda: SafeProtocol(self._on_event, lost.set), settings.host, settings.port
            )
        try:
            self._held = []
            await self._log_in(protocol)
            self._protocol = protocol
            self._reachability.forget()
            self._trunks.forget()
            await self._learn_contacts()
            self.connections += 1
            _log.info("ami.connected", host=settings.host, port=settings.port, version=protocol.version)
            await self._serve(lost)
        finally:
            protocol.abort()

    async def _log_in(self, protocol: SafeProtocol) -> None:
        settings = self._settings
        login = {"Username": settings.user, "Secret": settings.password, "Events": "on"}
        try:
            await protocol.ask("Login", login, seconds=settings.action_timeout)
        except AmiError as error:
            if "uthentication failed" not in str(error):
                raise
            raise AmiRefused(
                f"Asterisk's manager interface at {settings.host}:{settings.port} refuses user "
                f"{settings.user!r}: compare the settings with manager.conf"
            ) from error

    async def _serve(self, lost: asyncio.Event) -> None:
        """Ping, learn anew when asked to, and end when the link does."""
        waiting = asyncio.create_task(lost.wait())
        asked = asyncio.create_task(self._resync.wait())
        try:
            while True:
                await asyncio.wait(
                    {waiting, asked},
                    timeout=self._settings.ping_interval,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if waiting.done():
                    raise AmiError("Asterisk closed the manager connection")
                if asked.done():
                    self._resync.clear()
                    asked = asyncio.create_task(self._resync.wait())
                    await self._learn_contacts()
                else:
                    await self._ask("Ping", {})
        finally:
            waiting.cancel()
            asked.cancel()

    async def _learn_contacts(self) -> None:
        """The list of contacts; events that come meanwhile are applied after it, in order."""
        self._held = []
        try:
            listed = await self._ask("PJSIPShowContacts", {}, as_list=True)
        except AmiError as error:
            if "No Contacts" not in str(error):
                raise
            listed = []
        contacts = [
            Contact(one.endpoint, one.uri, one.status) for one in listed if one.event == "ContactList"
        ]
        peers = [peer for trunk in sorted(self._trunks.trunks) for peer in await self._peers(trunk)]
        held, self._held = self._held, None
        self._tell(self._reachability.snapshot(contacts))
        for peer in peers:
            self._tell(self._trunks.update(peer))
        for message in held:
            self._on_event(message)

    async def _peers(self, trunk: str) -> list[Contact]:
        """A trunk's peer is written in the configuration: it is in no list of contacts."""
        try:
            told = await self._ask("PJSIPShowEndpoint", {"Endpoint": trunk}, as_list=True)
        except AmiError as error:
            if self._protocol is None:
                raise
            _log.warning("ami.unknown_trunk", trunk=trunk, error=str(error))
            return []
        return [Contact(trunk, one.uri, one.status) for one in told if one.event == "ContactStatusDetail"]

    # --- events ----------------------------------------------------------------------

    def _on_event(self, message: Message) -> None:
        if self._held is not None:
            if len(self._held) < _MAX_HELD:
                self._held.append(message)
            else:
                self._give_up(f"more than {_MAX_HELD} events while the contacts are listed")
            return
        self.events[message.event] += 1
        if message.event == "ContactStatus":
            contact = Contact(message.endpointname, message.uri, message.contactstatus)
            self._tell(self._reachability.update(contact))
            self._tell(self._trunks.update(contact))
        elif message.event == "DeviceStateChange":
            technology, _, endpoint = message.device.partition("/")
            usable = message.state not in _NOT_USABLE
            if technology == "PJSIP" and self._reachability.contradicts(endpoint, usable):
                self._resync.set()

    def _tell(self, facts: Sequence[PhoneEvent]) -> None:
        assert self._sink is not None
        try:
            for fact in facts:
                self._sink(fact)
        except BufferError as error:
            self._give_up(str(error))

    def _give_up(self, why: str) -> None:
        """Begin anew with a fresh list rather than go on with a gap."""
        _log.error("ami.given_up", reason=why)
        if self._protocol is not None:
            self._protocol.abort()
