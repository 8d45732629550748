"""The only wiring: settings become a running controller with its store, links and web."""

import asyncio
import fcntl
import uuid
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import structlog

from acd.ids import NodeId, OrgId
from callrouter import links
from callrouter.aftercall import AfterCall
from callrouter.ami.client import AmiClient
from callrouter.ami.errors import AmiRefused
from callrouter.ari.client import AriClient
from callrouter.ari.errors import AriError, AriReplaced
from callrouter.config.versions import Change
from callrouter.controller import Controller, SteadyClock
from callrouter.directory.partners import DirectoryPartners
from callrouter.feed.client import FeedClient
from callrouter.feed.messages import published
from callrouter.figures import gathered
from callrouter.floor_log.recorder import FOLDER as FLOOR_LOG
from callrouter.floor_log.recorder import FloorRecorder
from callrouter.flow.difference import words_between
from callrouter.forgetting import LOCK, Forgetting
from callrouter.keeper import FILE as KEPT
from callrouter.keeper import Keeper, take_up
from callrouter.live_folder import Archive, LiveFolder, by_file
from callrouter.lookups import Lookups
from callrouter.ports import AuditEntry, Health
from callrouter.router.notices import Outcome
from callrouter.settings import Settings
from callrouter.site import Site, load_site
from callrouter.site_history import SiteHistory
from callrouter.store.accounts import StoredAccounts
from callrouter.store.current import bring_up_to_date
from callrouter.store.database import Database, StoreError
from callrouter.store.housekeeper import Housekeeper
from callrouter.store.inserting import silent
from callrouter.store.mailboxes import StoredMailboxes
from callrouter.store.outbox import StoredOutbox
from callrouter.store.reader import StoredRecords
from callrouter.store.recordings import StoredRecordings
from callrouter.store.versions import StoredVersions
from callrouter.store.writer import RecordWriter
from callrouter.store_watch import StoreWatch
from callrouter.web.app import create_app
from callrouter.web.metrics import Figures
from callrouter.web.server import WebServer, WebServerError, listen
from callrouter.web.settings import LineKey, WebSettings

log = structlog.get_logger(__name__)


class Unusable(Exception):
    """The installation can't run as it is; the text is one line that says why and what to do."""


class App:
    """One controller process. `async with` starts everything in order and stops it in reverse."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigError for faults of the site's files, OSError for an unreadable password file."""
        self.settings = settings
        self.clock = SteadyClock()
        self.folder = LiveFolder(
            settings.site,
            load_site,
            Archive(settings.state_dir / "site-versions"),
            self.clock.now,
            self._site_changed,
            words_between,
        )
        self.site = self.folder.versions.current
        phones, trunks = links.phones(self.site), links.asked_trunks(self.site)
        self.ami = {
            NodeId(node.name): AmiClient(links.ami_settings(node), phones, trunks)
            for node in settings.asterisk
        }
        self.ari = {
            name: AriClient(
                name,
                links.ari_settings(node),
                answer_phone=self.ami[name].answer_phone,
                monitor=self.ami[name].monitor,
            )
            for node in settings.asterisk
            for name in (NodeId(node.name),)
        }
        self.feed: FeedClient | None = None
        self._stack = AsyncExitStack()
        self._fatal: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        self._fatal = asyncio.get_running_loop().create_future()
        # Who connects to an Asterisk takes it from the controller before: not until all else is ours.
        self._own_state_dir()
        self._listen()
        await self._open_store()
        lookups = Lookups(links.services(self.settings))
        self._stack.push_async_callback(lookups.close)
        self.recorder = self._floor_log()
        self.controller = Controller(
            self.site,
            list(self.ari.values()),
            self.writer,
            self.clock,
            lookups,
            self._noticed,
            self.recorder,
        )
        kept = self.settings.state_dir / KEPT
        self.keeper = Keeper(kept, self.controller.keep, self.controller.stirred)
        self._stack.callback(self._leave_off)
        if (left := await asyncio.to_thread(take_up, kept)) is not None:
            self.writer.resume_shifts(left)
            self.controller.resume(left)
        self._task("controller", self.controller.run())
        for name, client in self.ami.items():
            self._task(f"ami {name}", client.run(self.controller.fact))
        self._task("keeper", self.keeper.run())
        forgetting = Forgetting(self.settings.state_dir, self.controller.forget, self._settled)
        self._task("forgetting", forgetting.run())
        self._task("site folder", self.folder.run())
        self._open_feed()
        self._keep_house()
        await self._open_web()

    async def _settled(self) -> None:
        """What is known now is on disk and in the database."""
        await self.keeper.now()
        await self.writer.flush()

    def _own_state_dir(self) -> None:
        folder = self.settings.state_dir
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self._stack.enter_context((folder / LOCK).open("w"))
        except OSError as error:
            raise Unusable(f"the state directory {folder} can't be used: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unusable(
                f"another controller runs with the state directory {folder}: stop it first, "
                "or give this one a `state_dir` of its own"
            ) from None

    def _listen(self) -> None:
        http = self.settings.http
        try:
            self._listening = self._stack.enter_context(listen(http.host, http.port))
        except WebServerError as error:
            raise Unusable(str(error)) from error

    def _noticed(self, notice: Outcome) -> None:
        self.writer.noticed(notice)
        self.keeper.noticed(notice)
        self.after_call.noticed(notice)

    def _floor_log(self) -> FloorRecorder | None:
        """Calls do not depend on it: without a disk for it there is none."""
        try:
            recorder = FloorRecorder(self.settings.state_dir / FLOOR_LOG, self.clock.now())
        except OSError as error:
            log.error("no floor log", reason=str(error))
            return None
        self._stack.push_async_callback(asyncio.to_thread, recorder.stop)
        return recorder

    async def _open_store(self) -> None:
        try:
            self.database = Database(self.settings.database or self.settings.state_dir / "callrouter.sqlite")
            self._stack.push_async_callback(self.database.close)
            await bring_up_to_date(self.database)
        except (StoreError, OSError) as error:
            raise Unusable(f"the database can't be opened: {error}") from error
        self.writer = RecordWriter(
            self.database,
            self.settings.state_dir / "spill",
            # Without a broker nothing would ever empty the outbox.
            publish=published if self.settings.feed.broker else silent,
            committed=self._written,
        )
        await self.writer.start(self.clock.now())
        self._stack.push_async_callback(self._close_store)
        self.spools = {NodeId(node.name): node.spool for node in self.settings.asterisk if node.spool}
        self.after_call = AfterCall(self.spools, self.writer.put)
        self._stack.push_async_callback(self.after_call.finish)
        self.history = SiteHistory(self.writer.put)
        self._stack.push_async_callback(self.history.finish)
        self._in_force()
        self.records = StoredRecords(self.database)
        self.mailboxes = StoredMailboxes(self.database, self._sound_folders)
        self.recordings = StoredRecordings(self.database, self._sound_folders)
        self.accounts = StoredAccounts(self.database, self.clock)

    def _leave_off(self) -> None:
        # At one instant: what seats did adds up to what calls took; the next controller goes on there.
        ended = self.keeper.ended
        now = self.clock.now() if ended is None else ended
        self.controller.leave_off(now)
        self.writer.end_shifts(now)

    async def _close_store(self) -> None:
        await self.writer.stop()

    def _keep_house(self) -> None:
        self.housekeeper = Housekeeper(
            self.database.url.render_as_string(hide_password=False),
            self.settings.retention.model_dump(),
            self._sound_folders,
            clock=self.clock,
            audit=self.writer,
            zone=ZoneInfo(self.site.timezone),
        )
        self._task("housekeeper", self.housekeeper.run())

    def _sound_folders(self) -> list[Path]:
        return list(self.spools.values())

    def _open_feed(self) -> None:
        if not self.settings.feed.broker:
            return
        self.feed = FeedClient(
            links.feed_settings(self.settings.feed),
            engine=self.controller,
            outbox=StoredOutbox(self.database),
            inbox=self.writer,
            partners=DirectoryPartners(lambda: self.site.directory),
            lines=lambda: [key.number for key in self._lines()],
            clock=self.clock,
        )
        self._task("feed", self.feed.run())

    def _written(self) -> None:
        if self.feed is not None:
            self.feed.written()

    def _warnings(self) -> tuple[str, ...]:
        found = self.writer.health().problems() + self.site.warnings(self.clock.now())
        if self.feed is not None and self.feed.health.reason:
            found += (self.feed.health.problem(),)
        parts = (self.folder, self.keeper, self.housekeeper, self.recorder)
        return found + tuple(part.problem for part in parts if part is not None and part.problem)

    async def _open_web(self) -> None:
        self.store_watch = StoreWatch(self.writer.health, self.clock.now)
        self._task("store watch", self.store_watch.run())
        http = self.settings.http
        web = create_app(
            engine=self.controller,
            records=self.records,
            mailboxes=self.mailboxes,
            recordings=self.recordings,
            site=self.folder,
            past=StoredVersions(self.database),
            accounts=self.accounts,
            audit=self.writer,
            metrics=self,
            clock=self.clock,
            settings=WebSettings(
                allowed_hosts=(*WebSettings().allowed_hosts, *http.allowed_hosts),
                subtree=self._subtree,
                lines=self._lines,
                notices=self.store_watch,
                warnings=self._warnings,
            ),
        )
        self.web = WebServer(web, host=http.host, port=http.port, listening=self._listening)
        try:
            await self.web.start()
        except WebServerError as error:
            raise Unusable(str(error)) from error
        self._stack.push_async_callback(self.web.stop)

    def _task(self, name: str, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(self._ended)

        async def stop() -> None:
            # Once may not be enough: a library may take a cancellation for its own.
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=1.0)

        self._stack.push_async_callback(stop)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled() or self._fatal is None or self._fatal.done():
            return
        error = task.exception()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, AriError | AriReplaced | AmiRefused):
            self._fatal.set_exception(Unusable(str(error)))
        else:
            self._fatal.set_exception(error or RuntimeError(f"{task.get_name()} ended by itself"))

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set. Raises `Unusable` when a link can never work (password, version)."""
        assert self._fatal is not None
        waiting = asyncio.create_task(stop.wait())
        both: set[asyncio.Future[Any]] = {waiting, self._fatal}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if self._fatal.done():
                self._fatal.result()
        finally:
            waiting.cancel()

    async def ready(self, seconds: float) -> None:
        """Wait until calls can be taken. Raises `Unusable` when that can't be or takes too long."""
        assert self._fatal is not None
        deadline = asyncio.get_running_loop().time() + seconds
        while not (self.controller.health().ready and all(x.connected for x in self.ami.values())):
            if self._fatal.done():
                self._fatal.result()
            if asyncio.get_running_loop().time() > deadline:
                raise Unusable("; ".join(self.health().problems) or f"not ready within {seconds:g} s")
            await self.controller.changed(0.5)

    # --- what the web and the operator ask ------------------------------------------------

    def health(self) -> Health:
        return self.controller.health()

    def figures(self) -> Figures:
        return gathered(self.controller, self.writer, self.ari, self.ami, self.feed, self.clock.now())

    def _site_changed(self, change: Change, site: Site) -> None:
        """A file of the site has been changed, or an older version was fetched back."""
        if by_file(change.by):
            self._note_change(change)
        if change.what == "refused":
            log.error("site.refused", by=change.by, faults=change.words)
            return
        log.warning("site.changed", what=change.what, by=change.by, version=change.digest, words=change.words)
        if site is not self.site:
            self.site = site
            self.controller.change_site(site)
            self._in_force("; ".join(change.words))
            for client in self.ami.values():
                client.replace_seats(links.phones(site))
                client.replace_trunks(links.asked_trunks(site))

    def _in_force(self, note: str = "") -> None:
        self.history.in_force(
            self.folder.versions.version, flows=self.site.flows.version, at=self.clock.now(), note=note
        )

    def _note_change(self, change: Change) -> None:
        """What comes over the API is in the audit trail by the name of who asked."""
        self.writer.note(
            AuditEntry(
                id=uuid.uuid4().hex,
                at=change.at,
                who=change.by,
                action=f"site_{change.what}",
                subject=change.digest,
                detail="; ".join(change.words)[:500],
            )
        )

    def _subtree(self, organisation: OrgId) -> frozenset[OrgId]:
        return self.site.directory.subtree(organisation)

    def _lines(self) -> list[LineKey]:
        today = self.controller.router.today()
        return [
            LineKey(number=line.number, name=line.name, kind=line.kind)
            for line in self.site.directory.lines_on(today)
        ]
