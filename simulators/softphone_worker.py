"""A process of at most four SIP phones (pjsua2), driven by JSON lines.

A program of its own, standard library and pjsua2 only, so that any interpreter
that has pjsua2 can run it. It reads one command a line on stdin and writes one
answer or event a line on stdout; when stdin ends, so does the process.

    > {"id": 7, "op": "dial", "phone": 0, "to": "sip:12345@127.0.0.1:5060"}
    < {"id": 7, "ok": {"call": 3}}
    < {"event": "state", "phone": 0, "at": 1234.5, "state": "confirmed", "code": 200, "reason": "OK"}

States of a phone's one call: ``calling`` or ``incoming``, ``early``,
``connecting``, ``confirmed``, ``disconnected`` (RFC 3261 INVITE usage). `at` is
the system's monotonic clock in seconds, the same for every process of a machine.

Everything of SIP happens in the main thread (pjsua has no worker threads): a
callback sees the call as it is, and none waits in pjsua2's queue until its call
is gone. Audio frames and RTP digits come on pjmedia's own threads.
"""

import base64
import heapq
import itertools
import json
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from simulators.softphone_account import DTMF_METHODS, Call, CommandError, Phone, op_param
from simulators.softphone_media import CLOCK_RATE, FRAME_SECONDS, Handset

CALLS_PER_PROCESS = 4
"""What pjsua2-python is built for, whatever maxCalls says."""

LINE_LIMIT = 1_048_576
IDLE_POLL_MS = 10
EAGER_POLL_MS = 2
RESTING_POLL_MS = 50
RESTING_SECONDS = 2.0
QUIT_SECONDS = 1.0


class Worker:
    """The process: pjsua's endpoint, its phones, timers and the command channel."""

    def __init__(self, options: dict[str, Any], out: int) -> None:
        self.out = out
        self.host = str(options.get("host", "127.0.0.1"))
        self.phones: dict[int, Phone] = {}
        self.calls: set[Call] = set()
        self.retired: list[Call] = []
        self.handsets: list[Handset] = []
        self.ticking = True
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()
        self.sending = threading.Lock()
        self.running = True
        self.commanded = time.monotonic()
        self.endpoint, self.port = start_endpoint(options, self.host)

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        with self.sending:
            while data:
                data = data[os.write(self.out, data) :]

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.order), action))

    def keep(self, call: Call) -> None:
        self.calls.add(call)
        if not self.ticking:
            self.endpoint.audDevManager().setNullDev()
            self.ticking = True

    def take_handset(self) -> Handset:
        return self.handsets.pop() if self.handsets else Handset(f"handset{next(self.order)}")

    def return_handset(self, handset: Handset) -> None:
        # Never destroyed: the conference bridge takes a port out in its own thread, some time later.
        self.handsets.append(handset)

    def rest(self) -> None:
        """Stop the conference bridge's clock: 50 beats a second are most of what an idle process costs."""
        if self.ticking and not self.calls and not self.retired:
            self.endpoint.audDevManager().setNoDev()
            self.ticking = False

    def retire(self, call: Call) -> None:
        self.calls.discard(call)
        self.retired.append(call)

    def bury(self) -> None:
        """Let ended Call objects go.

        The destructor of pj::Call hangs up whatever call has its id by then. Ids are
        used again at once, so it may only run while the id is free.
        """
        self.retired = [call for call in self.retired if call.isActive()]

    # --- loop -----------------------------------------------------------------------

    def run(self) -> None:
        pending = b""
        while self.running:
            awaiting = [phone for phone in self.phones.values() if phone.watch()]
            self.endpoint.libHandleEvents(EAGER_POLL_MS if awaiting else self.pace())
            while self.timers and self.timers[0][0] <= time.monotonic():
                self.guarded(heapq.heappop(self.timers)[2])
            self.bury()
            if select.select([0], [], [], 0)[0]:
                chunk = os.read(0, 65_536)
                if not chunk:
                    break
                *lines, pending = (pending + chunk).split(b"\n")
                if len(pending) > LINE_LIMIT:
                    raise SystemExit("command line too long")
                for line in lines:
                    self.handle(line)
        self.close()

    def pace(self) -> int:
        """How long to wait for SIP: commands are looked for in between, so long only when nothing goes on."""
        if self.calls or time.monotonic() - self.commanded < RESTING_SECONDS:
            return IDLE_POLL_MS
        self.rest()
        return RESTING_POLL_MS

    def guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except pj.Error as error:
            self.send({"event": "fault", "text": error.info()})

    def handle(self, line: bytes) -> None:
        command = json.loads(line)
        self.commanded = time.monotonic()
        try:
            result = getattr(self, f"op_{command['op']}")(command)
        except pj.Error as error:
            self.send({"id": command["id"], "error": error.reason or error.info()})
        except (CommandError, KeyError, AttributeError, ValueError, OSError) as error:
            self.send({"id": command["id"], "error": f"{type(error).__name__}: {error}"})
        else:
            self.send({"id": command["id"], "ok": result})

    def phone(self, command: dict[str, Any]) -> Phone:
        return self.phones[command["phone"]]

    # --- commands -------------------------------------------------------------------

    def op_open(self, command: dict[str, Any]) -> None:
        number = command["phone"]
        self.phones[number] = Phone(self, number, {**command, "host": self.host})

    def op_shut(self, command: dict[str, Any]) -> None:
        phone = self.phones.pop(command["phone"])
        if phone.call is not None:
            phone.call.hangup(pj.CallOpParam())
        phone.close()

    def op_register(self, command: dict[str, Any]) -> None:
        self.phone(command).register(bool(command["on"]))

    def op_dial(self, command: dict[str, Any]) -> None:
        self.phone(command).dial(command["to"], command.get("headers", {}), command.get("call_id", ""))

    def op_answer(self, command: dict[str, Any]) -> None:
        self.phone(command).live().answer(op_param(command["code"]))

    def op_auto_answer(self, command: dict[str, Any]) -> None:
        self.phone(command).auto_answer = command["after"]

    def op_hangup(self, command: dict[str, Any]) -> None:
        self.phone(command).live().hangup(op_param(command.get("code", 0)))

    def op_hold(self, command: dict[str, Any]) -> None:
        # "inactive": pjsua keeps sending silence while "sendonly", which no desk phone does,
        # and Asterisk lets any voice frame interrupt the music of the one who is held.
        self.redirect(command, pj.PJMEDIA_DIR_NONE)

    def op_resume(self, command: dict[str, Any]) -> None:
        self.redirect(command, pj.PJMEDIA_DIR_ENCODING_DECODING)

    def redirect(self, command: dict[str, Any], direction: int) -> None:
        """Offer another media direction in a re-INVITE."""
        option = pj.CallOpParam(True)
        option.opt.flag |= pj.PJSUA_CALL_SET_MEDIA_DIR
        option.opt.mediaDir = pj.IntVector([direction])
        self.phone(command).live().reinvite(option)

    def op_digit(self, command: dict[str, Any]) -> None:
        option = pj.CallSendDtmfParam()
        option.method = DTMF_METHODS[command["method"]]
        option.digits = command["digit"]
        option.duration = command["duration_ms"]
        self.phone(command).live().sendDtmf(option)

    def op_play(self, command: dict[str, Any]) -> None:
        self.phone(command).play(command["path"], bool(command["loop"]))

    def op_stop(self, command: dict[str, Any]) -> None:
        self.phone(command).silence()

    def op_heard(self, command: dict[str, Any]) -> dict[str, Any]:
        heard = self.phone(command).handset.heard
        if not heard.maxlen:
            raise CommandError("this phone keeps no audio (keep_seconds=0)")
        since, until = command["since"], command["until"]
        frames = [frame for frame in list(heard) if since <= frame[0] < until]
        return {
            "times": [round(at, 4) for at, _ in frames],
            "pcm": base64.b64encode(b"".join(data for _, data in frames)).decode(),
        }

    def op_stats(self, command: dict[str, Any]) -> dict[str, Any]:
        return self.phone(command).stats()

    def op_quit(self, _command: dict[str, Any]) -> None:
        self.running = False

    def close(self) -> None:
        """Hang up, unregister, drop every object that pjsua owns, destroy the endpoint last."""
        for phone in self.phones.values():
            if phone.registered:
                phone.register(False)
        self.endpoint.hangupAllCalls()
        deadline = time.monotonic() + QUIT_SECONDS
        while self.busy() and time.monotonic() < deadline:
            self.endpoint.libHandleEvents(IDLE_POLL_MS)
            while self.timers:
                self.guarded(heapq.heappop(self.timers)[2])
        self.calls.clear()
        for phone in self.phones.values():
            phone.close()
        self.phones.clear()
        # pjsua can wait for ever for its own media thread here: then the process ends all the same.
        late = threading.Timer(QUIT_SECONDS, os._exit, (0,))
        late.daemon = True
        late.start()
        # All is hung up and unregistered by now: no need for the second it would wait.
        self.endpoint.libDestroy(pj.PJSUA_DESTROY_NO_TX_MSG | pj.PJSUA_DESTROY_NO_RX_MSG)

    def busy(self) -> bool:
        return bool(self.calls) or any(phone.registering for phone in self.phones.values())


def start_endpoint(options: dict[str, Any], host: str) -> tuple[Any, int]:
    """pjsua's endpoint and the UDP port that it listens on."""
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = False
    config.uaConfig.maxCalls = CALLS_PER_PROCESS
    config.uaConfig.userAgent = "callrouter-softphone"
    config.logConfig.level = config.logConfig.consoleLevel = int(options.get("log_level", 1))
    media = config.medConfig
    media.clockRate = media.sndClockRate = CLOCK_RATE
    media.audioFramePtime = round(FRAME_SECONDS * 1000)
    media.ecTailLen = 0
    media.noVad = True
    media.rxDropPct = int(options.get("drop_received_percent", 0))
    media.txDropPct = int(options.get("drop_sent_percent", 0))
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.port, transport.boundAddress = 0, host
    number = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, 200 if codec.codecId.startswith(("PCMA", "PCMU")) else 0)
    return endpoint, int(endpoint.transportGetInfo(number).localName.rpartition(":")[2])


def main() -> None:
    # pjsua logs to stdout: keep the protocol's descriptor apart and send the rest to stderr.
    out = os.dup(1)
    os.dup2(2, 1)
    worker = Worker(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}, out)
    worker.send({"event": "ready", "port": worker.port})
    worker.run()
    # Nothing is left to tidy up, and a late destructor of pjsua2's would abort the process.
    os._exit(0)


if __name__ == "__main__":
    main()
