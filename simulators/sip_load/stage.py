"""Everything that a run starts: SIPp processes, phones, their logs; and how it all ends."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from simulators.sip_load.crew import PAYLOADS, Answering, Partner, Seats
from simulators.sip_load.crowd import Instruction
from simulators.sip_load.orders import Orders
from simulators.sip_load.plan import PlannedCall
from simulators.sip_load.scenario import Scenario
from simulators.sip_load.target import own_address
from simulators.sip_load.voice import spoken
from simulators.sipp import SippProcess
from simulators.sipp_log import SipMessage, Tail, parse_message
from simulators.sipp_scripts import VOICE, answer_strata, caller_scenario, register_scenario, seat_scenario
from simulators.workload import Duration, stream

CALLS_PER_PROCESS: Final = 300.0
"""Calls per second that one SIPp is given; it saturates near 1,000."""
LEAD: Final = 2.0
"""Seconds before its time that a call is begun, to wait in SIPp for its very instant."""
REGISTER_RATE: Final = 100.0
EXPIRES: Final = 300
STEER_SECONDS: Final = 0.5
SOONER: Final = 1.5
LEAST_RATE: Final = 10.0
VOICE_SECONDS: Final = 20
"""What speaking callers say is repeated after this."""


@dataclass(slots=True)
class Group:
    """A SIPp process with its logs, and what it has been told."""

    process: SippProcess
    messages: Tail
    notes: Tail
    orders: Orders

    @classmethod
    def of(cls, process: SippProcess) -> "Group":
        return cls(process, Tail(process.messages), Tail(process.notes), Orders(process))

    def read(self) -> Iterator[SipMessage]:
        for line in self.messages.lines():
            message = parse_message(line)
            if message is None:
                continue
            if message.method == "INFO" and not message.sent and not message.status:
                self.orders.heard(message)
            yield message


class Pace:
    """How many calls a SIPp process has begun by now: its own count once a second, reckoned in between."""

    def __init__(self, now: float) -> None:
        self.begun = 0.0
        self.rate = LEAST_RATE
        self._counted = 0
        self._at = now

    def see(self, counted: int, now: float) -> None:
        if counted != self._counted:
            self.begun = self._counted = counted
        else:
            self.begun += self.rate * (now - self._at)
        self._at = now


class Stage:
    """The SIPp processes of one run. Always `close` it."""

    def __init__(self, scenario: Scenario, sip: str, folder: Path) -> None:
        self.callers: dict[str, Group] = {}
        self.seats: dict[str, Group] = {}
        self.partners: dict[str, Group] = {}
        self._scenario = scenario
        self._sip = sip
        self._folder = folder
        self._host = own_address(sip)
        self._life = scenario.duration + scenario.drain + 120
        self._paces: dict[str, Pace] = {}
        self._due: dict[str, np.ndarray] = {}

    @property
    def processes(self) -> list[SippProcess]:
        return [group.process for group in self.groups()]

    def groups(self) -> list[Group]:
        return [*self.callers.values(), *self.seats.values(), *self.partners.values()]

    # --- those who answer -------------------------------------------------------------

    async def open_partner(self, partner: Partner) -> None:
        host, _, port = partner.listen.rpartition(":")
        name = partner.group
        process = await SippProcess.start(
            name,
            self._behaviour(partner, name),
            self._sip,
            self._folder,
            host=host.strip("[]"),
            port=int(port),
            seconds=self._life,
            echo=True,
        )
        self.partners[name] = Group.of(process)

    async def open_seats(self, group: Seats) -> None:
        users = group.users
        process = await SippProcess.start(
            group.name,
            register_scenario(EXPIRES),
            self._sip,
            self._folder,
            called=self._behaviour(group, group.name),
            rows=users,
            host=self._host,
            rate=REGISTER_RATE,
            standing=len(users),
            seconds=self._life,
            echo=group.audio == "echo",
        )
        self.seats[group.name] = Group.of(process)

    def _behaviour(self, one: Answering, name: str) -> str:
        return seat_scenario(
            self._strata(one.answer, name),
            one.never_answers,
            one.refuses,
            one.refusal,
            {codec: PAYLOADS[codec] for codec in one.codecs},
        )

    def _strata(self, answer: Duration, name: str) -> list[float]:
        draws = answer.sample(stream(self._scenario.seed, "answer", name), 4096)
        return answer_strata(np.minimum(draws, 3600.0))

    # --- those who call ---------------------------------------------------------------

    def caller_names(self, plans: Sequence[PlannedCall]) -> list[str]:
        """Names of the callers' processes: as many as the busiest second needs."""
        due = np.array([plan.due for plan in plans])
        busiest = float((np.searchsorted(due, due + 1.0) - np.arange(len(due))).max()) if len(due) else 0.0
        return [f"callers{number}" for number in range(max(1, int(np.ceil(busiest / CALLS_PER_PROCESS))))]

    async def open_callers(self, plans: Sequence[PlannedCall], names: Sequence[str], begin: float) -> None:
        """Start the callers' processes; call n goes to process n mod their number, as the crowd counts."""
        limits = self._scenario.limits
        speech = any(group.audio == "speech" for group in self._scenario.callers)
        if speech:
            (self._folder / VOICE).write_bytes(spoken(VOICE_SECONDS))
        for number, name in enumerate(names):
            share = plans[number :: len(names)]
            if not share:
                continue
            process = await SippProcess.start(
                name,
                caller_scenario(speech=speech),
                self._sip,
                self._folder,
                rows=[
                    (
                        plan.number,
                        f"{begin + plan.due:.6f}",
                        plan.dial,
                        plan.headers or HEADER,
                        plan.group.audio,
                    )
                    for plan in share
                ],
                host=self._host,
                rate=LEAST_RATE,
                most_calls=len(share),
                at_once=max(1, round(limits.at_once / len(names))) + round(limits.rate * (LEAD + 1)),
                seconds=self._life,
            )
            self.callers[name] = Group.of(process)
            self._due[name] = np.array([begin + plan.due for plan in share])
            self._paces[name] = Pace(time.time())

    def steer(self, now: float) -> None:
        """Let SIPp begin each call `LEAD` seconds before it is due; too soon is no harm, it waits there."""
        for name, group in self.callers.items():
            pace = self._paces[name]
            pace.see(group.process.stats().created, now)
            missing = float(np.searchsorted(self._due[name], now + LEAD + STEER_SECONDS)) - pace.begun
            rate = max(LEAST_RATE, SOONER * missing / STEER_SECONDS) if missing > 0 else 0.0
            if rate != pace.rate:
                pace.rate = rate
                group.process.steer(rate)

    def tell(self, instruction: Instruction) -> None:
        """Have it told as soon as its process can take it: `send` does so."""
        for family in (self.callers, self.seats, self.partners):
            group = family.get(instruction.process)
            if group is not None:
                group.orders.give(instruction)

    def send(self, now: float) -> None:
        for group in self.groups():
            group.orders.send(now)

    def broken(self) -> list[str]:
        """Processes that have ended though their work was not done."""
        ended = [
            group.process
            for group in (*self.seats.values(), *self.partners.values())
            if not group.process.running
        ]
        for name, group in self.callers.items():
            process = group.process
            if not process.running and (
                process.exit_code not in (0, 1) or process.stats().created < len(self._due[name])
            ):
                ended.append(process)
        return [process.how_it_ended() for process in ended]

    async def close(self) -> None:
        await asyncio.gather(*(process.stop() for process in self.processes))
        for group in self.groups():
            group.messages.close()
            group.notes.close()


HEADER: Final = "X-Load: callrouter"
"""A field may not be empty: an empty line would end the SIP header."""
