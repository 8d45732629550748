"""Agents at their desks: they sign in over HTTP, become ready, finish wrap-ups, come back after a miss.

One live connection tells what every seat is in; each state of a seat is acted on
once. Signing in costs the server a password hash each (about 0.13 s), so it is
done few at a time.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import numpy as np

from simulators.sip_load.crew import Desk, Seats
from simulators.workload import stream

AT_ONCE: Final = 4
BUSY_TRIES: Final = 20
REFUSALS_KEPT: Final = 1000
TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
STATES_ACTED_ON: Final = ("not_ready", "wrap_up")
OFF_DUTY: Final = "off_duty"


class DeskRefused(Exception):
    """The API would not let the agents work; the text says which and why."""


@dataclass(slots=True)
class Agent:
    """One signed-in agent at a seat named like the account."""

    user: str
    token: str
    plan: Desk
    luck: np.random.Generator
    on_duty: bool = True


class DeskCrew:
    """The agents of all seat groups that have a desk."""

    def __init__(self, url: str, groups: Sequence[Seats], seed: int) -> None:
        self.url = url.rstrip("/")
        self.refusals: list[str] = []
        self._groups = groups
        self._seed = seed
        self._agents: dict[str, Agent] = {}
        self._acted: dict[str, tuple[str, float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready: set[str] = set()
        self._changed = asyncio.Event()

    async def sign_in(self, session: aiohttp.ClientSession) -> None:
        """Everybody signs in and takes the seat. Raises DeskRefused."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(group: Seats, user: str, password: str) -> None:
            async with gate:
                token = await self._token(session, user, password)
                assert group.desk is not None
                agent = Agent(user, token, group.desk, stream(self._seed, "desk", user))
                self._agents[user] = agent
                await self._post(session, agent, "sign-in", accepted=(200, 409))

        try:
            async with asyncio.TaskGroup() as tasks:
                for group in self._groups:
                    for user, password in group.users:
                        tasks.create_task(one(group, user, password))
        except* (aiohttp.ClientError, TimeoutError, OSError) as errors:
            raise DeskRefused(f"{self.url} does not answer: {errors.exceptions[0]!r}") from None
        except* DeskRefused as errors:
            raise errors.exceptions[0] from None

    async def work(self, session: aiohttp.ClientSession) -> None:
        """Act on what the seats' states ask for, until cancelled. Raises DeskRefused."""
        unseen = dict(self._agents)
        try:
            async with asyncio.TaskGroup() as tasks:
                while unseen:
                    _, agent = unseen.popitem()
                    watched: asyncio.Queue[set[str]] = asyncio.Queue(maxsize=1)
                    tasks.create_task(self._watch(session, agent, watched))
                    # An agent sees the seats of the own organisation only.
                    for seat in await watched.get():
                        unseen.pop(seat, None)
        except* DeskRefused as errors:
            raise errors.exceptions[0] from None
        except* (aiohttp.ClientError, OSError) as errors:
            raise DeskRefused(f"{self.url}: {errors.exceptions[0]}") from None

    async def _watch(
        self, session: aiohttp.ClientSession, agent: Agent, watched: "asyncio.Queue[set[str]]"
    ) -> None:
        """One agent's live connection; `watched` is told once which seats it shows."""
        headers = {"Authorization": f"Bearer {agent.token}"}
        async with session.ws_connect(
            f"{self.url}/api/v1/live", headers=headers, max_msg_size=64 * 1024 * 1024
        ) as socket:
            first = True
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                seats = json.loads(message.data).get("seats", ())
                if first:
                    first = False
                    watched.put_nowait({seat["seat"] for seat in seats})
                self._seen(session, seats)
        raise DeskRefused(f"{self.url} closed the live connection ({socket.close_code})")

    async def all_ready(self, seconds: float) -> None:
        """Wait until every agent is ready once. Raises DeskRefused."""
        try:
            async with asyncio.timeout(seconds):
                while len(self._ready) < len(self._agents):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            missing = sorted(set(self._agents) - self._ready)
            why = f": {self.refusals[-1]}" if self.refusals else ""
            count = f"{len(missing)} of {len(self._agents)}"
            raise DeskRefused(f"{count} agents did not become ready, {missing[0]} for one{why}") from None

    def duty(self, session: aiohttp.ClientSession, users: Iterable[str], on: bool) -> None:
        """A shift begins or ends: off duty, an agent stays not ready."""
        for user in users:
            agent = self._agents.get(user)
            if agent is not None:
                agent.on_duty = on
                deed, body = ("ready", None) if on else ("not-ready", {"reason": OFF_DUTY})
                self._later(self._act(session, agent, 0.0, deed, body))

    async def close(self) -> None:
        """Agents do nothing more: what they meant to do later is dropped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- inside -----------------------------------------------------------------------

    def _seen(self, session: aiohttp.ClientSession, seats: Iterable[Mapping[str, Any]]) -> None:
        for seat in seats:
            agent = self._agents.get(seat["seat"])
            if agent is None:
                continue
            if seat["state"] == "ready":
                self._ready.add(agent.user)
                self._changed.set()
            if seat["state"] not in STATES_ACTED_ON or not seat["reachable"] or not agent.on_duty:
                continue
            if self._acted.get(agent.user) == (seat["state"], seat["since"]):
                continue
            self._acted[agent.user] = (seat["state"], seat["since"])
            if seat["state"] == "wrap_up":
                pause = agent.plan.wrap_up.sample(agent.luck, 1)[0]
                self._later(self._act(session, agent, float(pause), "wrap-up/finish"))
            else:
                fresh = agent.user not in self._ready
                pause = 0.0 if fresh else agent.plan.back_after.sample(agent.luck, 1)[0]
                self._later(self._act(session, agent, float(pause), "ready"))

    def _later(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _act(
        self,
        session: aiohttp.ClientSession,
        agent: Agent,
        pause: float,
        deed: str,
        body: dict[str, str] | None = None,
    ) -> None:
        if not np.isfinite(pause):
            return
        await asyncio.sleep(pause)
        try:
            # 409: the seat has gone on by itself meanwhile (a wrap-up's deadline, a new call).
            await self._post(session, agent, deed, body, accepted=(200, 409))
        except (DeskRefused, aiohttp.ClientError, TimeoutError, OSError) as error:
            if len(self.refusals) < REFUSALS_KEPT:
                self.refusals.append(f"{agent.user}: {error or type(error).__name__}")

    async def _token(self, session: aiohttp.ClientSession, user: str, password: str) -> str:
        for attempt in range(BUSY_TRIES):
            body = {"user": user, "password": password}
            async with session.post(f"{self.url}/api/v1/sign-in", json=body, timeout=TIMEOUT) as reply:
                if reply.status == 200:
                    return str((await reply.json())["token"])
                if reply.status != 503:
                    raise DeskRefused(f"{self.url} does not let {user} sign in: {await _detail(reply)}")
            await asyncio.sleep(0.2 * (attempt + 1))
        raise DeskRefused(f"{self.url} was too busy to let {user} sign in")

    async def _post(
        self,
        session: aiohttp.ClientSession,
        agent: Agent,
        deed: str,
        body: dict[str, str] | None = None,
        *,
        accepted: tuple[int, ...],
    ) -> None:
        headers = {"Authorization": f"Bearer {agent.token}"}
        url = f"{self.url}/api/v1/seats/{agent.user}/{deed}"
        async with session.post(url, json=body, headers=headers, timeout=TIMEOUT) as reply:
            if reply.status not in accepted:
                raise DeskRefused(f"{deed} of seat {agent.user}: {await _detail(reply)}")


async def _detail(reply: aiohttp.ClientResponse) -> str:
    text = await reply.text()
    try:
        return str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{reply.status} {text[:100]}"
