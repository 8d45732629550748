"""One softphone, as tests and simulations hold it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from simulators.audio import Recording, Sound, read_frames
from simulators.softphone_call import PhoneCall, RtpStats, combine
from simulators.softphone_process import PhoneProcess, PhoneRefused

WAIT_SECONDS: Final = 15.0
EVENTS_KEPT: Final = 2000


class CallEnded(Exception):
    """The call ended (or was refused) before it reached the state that was waited for.

    `code` and `reason` are the final SIP status; the text also names the phone.
    """

    def __init__(self, uri: str, call: PhoneCall, wanted: str) -> None:
        super().__init__(f"{uri}: {call.code} {call.reason} instead of {wanted}")
        self.code = call.code
        self.reason = call.reason


class RegistrationFailed(Exception):
    """The registrar refused; the text has its code and reason."""


class Home(Protocol):
    """The pool that a phone belongs to."""

    def sound_file(self, sound: Sound) -> Path:
        """The wav file of a sound."""

    def release(self, process: PhoneProcess) -> None:
        """A phone of this process has been closed."""


class Softphone:
    """One phone. Made by `SoftphonePool.phone` or `.caller`."""

    def __init__(
        self, home: Home, process: PhoneProcess, number: int, *, uri: str, user: str, host: str
    ) -> None:
        self.uri = uri
        self.contact = f"sip:{user}@{host}:{process.sip_port}"
        """Where an INVITE reaches this phone without a registrar."""
        self.call: PhoneCall | None = None
        """The present call, or the last one."""
        self.registered = False
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS_KEPT)
        self.playing = False
        self._home = home
        self._process = process
        self._number = number
        self._registration: tuple[int, str] | None = None
        self._changed = asyncio.Event()
        self._incoming: deque[PhoneCall] = deque(maxlen=EVENTS_KEPT)
        self._lost = False
        process.listen(number, self._happened)

    # --- registration ---------------------------------------------------------------

    async def register(self) -> None:
        """Register with the registrar. Raises RegistrationFailed, TimeoutError."""
        await self._registering(True)
        if not self.registered:
            code, reason = self._registration or (0, "no answer")
            raise RegistrationFailed(f"{self.uri}: {code} {reason}")

    async def unregister(self) -> None:
        await self._registering(False)

    async def _registering(self, on: bool) -> None:
        self._registration = None
        await self._ask("register", on=on)
        await self._until(lambda: self._registration is not None, "an answer to REGISTER", WAIT_SECONDS)

    # --- calls ----------------------------------------------------------------------

    async def dial(
        self, to: str, *, headers: Mapping[str, str] | None = None, call_id: str = ""
    ) -> PhoneCall:
        """Send INVITE to the SIP URI `to`; returns at once. Raises PhoneRefused when in a call."""
        call = PhoneCall(incoming=False, remote=to, started=time.monotonic(), call_id=call_id)
        previous, self.call = self.call, call
        try:
            await self._ask("dial", to=to, headers=dict(headers or {}), call_id=call_id)
        except PhoneRefused:
            self.call = previous
            raise
        return call

    async def incoming(self, within: float | None = WAIT_SECONDS) -> PhoneCall:
        """The next INVITE that came in (each is told once). Raises TimeoutError, PhoneRefused."""
        await self._until(lambda: len(self._incoming) > 0, "an INVITE", within)
        return self._incoming.popleft()

    async def answer(self) -> None:
        await self._ask("answer", code=200)
        await self.wait_for("confirmed")

    async def auto_answer(self, after: float | None) -> None:
        """Answer each later INVITE `after` seconds of ringing; None: ring on."""
        await self._ask("auto_answer", after=after)

    async def decline(self, code: int = 486) -> None:
        """Refuse the ringing call with a SIP status."""
        await self._ask("answer", code=code)
        await self.wait_for("disconnected")

    async def hangup(self) -> None:
        """End the call (BYE or CANCEL); nothing happens when it is already over."""
        if self.call is None or self.call.over:
            return
        try:
            await self._ask("hangup")
        except PhoneRefused:
            # It may have ended by itself while we asked.
            if not self.call.over:
                raise
        await self.wait_for("disconnected")

    async def hold(self) -> None:
        await self._ask("hold")
        await self.wait_media("local_hold")

    async def resume(self) -> None:
        await self._ask("resume")
        await self.wait_media("active")

    async def wait_for(self, state: str, within: float | None = WAIT_SECONDS) -> float:
        """Wait until the present call has reached `state`; returns when that was.

        Raises CallEnded when it ended instead, TimeoutError.
        """
        call = self._call()
        await self._until(lambda: state in call.reached or call.over, f"state {state}", within)
        if state not in call.reached:
            raise CallEnded(self.uri, call, state)
        return call.reached[state]

    async def until_over(self, seconds: float | None) -> bool:
        """Stay in the call for at most `seconds`; True when the far end ended it before."""
        call = self._call()
        try:
            await self._until(lambda: call.over, "the end", seconds)
        except TimeoutError:
            return False
        return True

    async def wait_media(self, status: str, within: float | None = WAIT_SECONDS) -> None:
        """Wait for none, active, local_hold or remote_hold. Raises CallEnded, TimeoutError."""
        call = self._call()
        await self._until(lambda: call.media == status or call.over, f"media {status}", within)
        if call.media != status:
            raise CallEnded(self.uri, call, f"media {status}")

    async def first_rtp_after_invite(self, within: float | None = WAIT_SECONDS) -> float:
        """Seconds from INVITE to the first RTP packet received (± 2 ms). Raises CallEnded, TimeoutError."""
        call = self._call()
        await self._until(lambda: call.first_rtp is not None or call.over, "a first RTP packet", within)
        if call.first_rtp is None:
            raise CallEnded(self.uri, call, "RTP")
        return call.first_rtp - call.started

    # --- digits ---------------------------------------------------------------------

    async def send_digits(
        self, digits: str, *, method: str = "rfc4733", duration: float = 0.1, gap: float = 0.08
    ) -> None:
        """Press keys one after another: ``rfc4733`` (RTP events) or ``info`` (SIP INFO)."""
        for digit in digits:
            await self._ask("digit", digit=digit, method=method, duration_ms=round(duration * 1000))
            await asyncio.sleep(duration + gap)

    async def wait_digits(self, digits: str, within: float | None = WAIT_SECONDS) -> None:
        """Wait until the call has received `digits` (as the end of what was keyed). Raises TimeoutError."""
        call = self._call()
        await self._until(lambda: call.digits.endswith(digits), f"digits {digits}", within)

    # --- audio ----------------------------------------------------------------------

    async def play(self, sound: Sound, *, loop: bool = False) -> None:
        """Speak: a tone (Hz), a wav file, samples at 8 kHz, or a sequence of these.

        A bare number is a tone that goes on; anything else is played once unless `loop`.
        """
        path = self._home.sound_file(sound)
        self.playing = True
        await self._ask("play", path=str(path), loop=loop or isinstance(sound, int | float))

    async def wait_played(self, within: float | None = 60.0) -> None:
        """Wait until what `play` began has been spoken to its end. Raises TimeoutError."""
        await self._until(lambda: not self.playing, "the end of playing", within)

    async def stop(self) -> None:
        """Fall silent (RTP goes on)."""
        await self._ask("stop")
        self.playing = False

    async def heard(self, since: float | None = None, until: float = float(2**40)) -> Recording:
        """What came over RTP between two monotonic instants; since None: in the present call."""
        start = self._call().started if since is None else since
        answer = await self._ask("heard", since=start, until=until)
        return read_frames(answer["times"], answer["pcm"], start)

    async def stats(self) -> RtpStats:
        """RTP figures of the present call, or of the last one."""
        answer = await self._ask("stats")
        return combine(answer.get("streams", []))

    async def close(self) -> None:
        """Hang up and give the phone back; unregisters first when registered."""
        try:
            if self.registered:
                await self.unregister()
            await self._ask("shut")
        finally:
            self._home.release(self._process)

    # --- machinery ------------------------------------------------------------------

    def _call(self) -> PhoneCall:
        if self.call is None:
            raise PhoneRefused(f"{self.uri} has not been in a call")
        return self.call

    async def _ask(self, op: str, **fields: Any) -> Any:
        return await self._process.ask(op, phone=self._number, **fields)

    async def _until(self, reached: Callable[[], bool], what: str, within: float | None) -> None:
        try:
            async with asyncio.timeout(within):
                while not (reached() or self._lost):
                    await self._changed.wait()
        except TimeoutError:
            state = f"{self.call}" if self.call else "no call"
            raise TimeoutError(f"{self.uri}: waited {within:g} s for {what}; {state}") from None
        if self._lost and not reached():
            raise PhoneRefused(f"{self.uri}: its process ended")

    def _happened(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        handler = getattr(self, f"_on_{event['event']}", None)
        if handler is not None:
            handler(event)
        # Wake everyone who waits now; whoever waits next takes the new event.
        self._changed.set()
        self._changed = asyncio.Event()

    def _on_registration(self, event: dict[str, Any]) -> None:
        self._registration = (event["code"], event["reason"])
        self.registered = event["code"] // 100 == 2 and event["expires"] > 0

    def _on_incoming(self, event: dict[str, Any]) -> None:
        self.call = PhoneCall(
            incoming=True,
            remote=event["remote"],
            started=event["at"],
            call_id=event["call_id"],
            invite=event["message"],
            reached={"incoming": event["at"]},
        )
        self._incoming.append(self.call)

    def _on_state(self, event: dict[str, Any]) -> None:
        if self.call is not None:
            self.call.reached.setdefault(event["state"], event["at"])
            self.call.code, self.call.reason = event["code"], event["reason"]
            self.call.call_id = event["call_id"]
        if event["state"] == "disconnected":
            self.playing = False

    def _on_media(self, event: dict[str, Any]) -> None:
        if self.call is not None:
            self.call.media = event["status"][0] if event["status"] else "none"

    def _on_digit(self, event: dict[str, Any]) -> None:
        if self.call is not None:
            self.call.digits += event["digit"]

    def _on_first_rtp(self, event: dict[str, Any]) -> None:
        if self.call is not None:
            self.call.first_rtp = event["at"]

    def _on_played(self, _event: dict[str, Any]) -> None:
        self.playing = False

    def _on_lost(self, _event: dict[str, Any]) -> None:
        self._lost = True
        self.registered = False
