"""One SIP phone on pjsua2: an account with at most one call, in a phone process."""

import contextlib
import time
from collections.abc import Callable
from typing import Any, Protocol

import pjsua2 as pj

from simulators.softphone_media import Handset, Speech, read_wav, stream_stats

MESSAGE_LIMIT = 16_384
"""Bytes of an incoming INVITE that are handed to the parent."""

STATES = {
    pj.PJSIP_INV_STATE_CALLING: "calling",
    pj.PJSIP_INV_STATE_INCOMING: "incoming",
    pj.PJSIP_INV_STATE_EARLY: "early",
    pj.PJSIP_INV_STATE_CONNECTING: "connecting",
    pj.PJSIP_INV_STATE_CONFIRMED: "confirmed",
    pj.PJSIP_INV_STATE_DISCONNECTED: "disconnected",
}
DTMF_METHODS = {"rfc4733": pj.PJSUA_DTMF_METHOD_RFC2833, "info": pj.PJSUA_DTMF_METHOD_SIP_INFO}
METHOD_NAMES = {number: name for name, number in DTMF_METHODS.items()}
MEDIA_STATUS = {
    pj.PJSUA_CALL_MEDIA_ACTIVE: "active",
    pj.PJSUA_CALL_MEDIA_LOCAL_HOLD: "local_hold",
    pj.PJSUA_CALL_MEDIA_REMOTE_HOLD: "remote_hold",
    pj.PJSUA_CALL_MEDIA_ERROR: "error",
}
CONNECTED = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)


class CommandError(Exception):
    """A command that cannot be carried out; its text goes back to the parent."""


class Host(Protocol):
    """The process that phones live in."""

    def send(self, message: dict[str, Any]) -> None:
        """Tell the parent."""

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` from the loop, not inside a pjsua callback."""

    def keep(self, call: "Call") -> None:
        """Hold a reference: pjsua2 needs the object until it has reported DISCONNECTED."""

    def take_handset(self) -> Handset:
        """An unused one."""

    def return_handset(self, handset: Handset) -> None:
        """It may be used by another phone from now on."""

    def retire(self, call: "Call") -> None:
        """Let go of the reference when that is safe."""


class Call(pj.Call):  # type: ignore[misc]
    """One call of a phone; forwards what pjsua reports to the phone."""

    def __init__(self, phone: "Phone", call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone, call_id)
        self.phone = phone

    def onCallState(self, _prm: Any) -> None:
        self.phone.call_state(self)

    def onCallMediaState(self, _prm: Any) -> None:
        self.phone.call_media(self)

    def onDtmfEvent(self, prm: Any) -> None:
        # One event a digit: RFC 4733 packets repeat, the flag marks updates of a digit already told.
        if not prm.flags & 1:
            self.phone.emit("digit", digit=prm.digit, method=METHOD_NAMES.get(prm.method, "other"))

    def onStreamDestroyed(self, prm: Any) -> None:
        self.phone.keep_stream_stats(self, prm.streamIdx)

    def onCallTsxState(self, prm: Any) -> None:
        if prm.e.type != pj.PJSIP_EVENT_TSX_STATE:
            return
        state = prm.e.body.tsxState
        if state.type == pj.PJSIP_EVENT_RX_MSG and state.tsx.method == "NOTIFY":
            self.phone.notified(self, state.src.rdata.wholeMsg)


class Phone(pj.Account):  # type: ignore[misc]
    """One SIP account with at most one call: a seat's desk phone, or a caller."""

    def __init__(self, host: Host, number: int, options: dict[str, Any]) -> None:
        super().__init__()
        self.host = host
        self.number = number
        self.call: Call | None = None
        self.serial = 0
        self.registered = False
        self.registering = False
        self.auto_answer: float | None = options.get("auto_answer")
        self.first_rtp: float | None = None
        self.finished: dict[str, Any] = {}
        self.streams: list[dict[str, Any]] = []
        self.handset = host.take_handset()
        self.handset.reset(float(options.get("keep_seconds", 120)))
        try:
            self.create(account_config(options))
        except pj.Error:
            host.return_handset(self.handset)
            raise

    def emit(self, event: str, **fields: Any) -> None:
        self.host.send({"event": event, "phone": self.number, "at": time.monotonic(), **fields})

    # --- what pjsua reports -------------------------------------------------------

    def onRegState(self, prm: Any) -> None:
        self.registering = False
        self.registered = prm.code // 100 == 2 and prm.expiration > 0
        self.emit("registration", code=prm.code, reason=prm.reason, expires=prm.expiration)

    def onIncomingCall(self, prm: Any) -> None:
        call = Call(self, prm.callId)
        self.host.keep(call)
        if self.call is not None:
            call.answer(op_param(486))
            return
        self.begin(call)
        info = call.getInfo()
        self.emit(
            "incoming",
            remote=info.remoteUri,
            call_id=info.callIdString,
            message=prm.rdata.wholeMsg[:MESSAGE_LIMIT],
        )
        call.answer(op_param(180))
        if self.auto_answer is not None:
            self.answer_after(self.auto_answer)

    def call_state(self, call: Call) -> None:
        info = call.getInfo()
        if call is self.call:
            self.emit(
                "state",
                state=STATES.get(info.state, "null"),
                code=info.lastStatusCode,
                reason=info.lastReason,
                call_id=info.callIdString,
            )
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            if call is self.call:
                self.finished = self.stats()
                self.call = None
                self.handset.listening = False
                self.silence()
            self.host.retire(call)

    def call_media(self, call: Call) -> None:
        if call is not self.call:
            return
        info = call.getInfo()  # must outlive its `media`, which points into it
        self.emit("media", status=[MEDIA_STATUS.get(item.status, "none") for item in info.media])
        for item in info.media:
            # Who holds does not speak, and the far end's music is for the held one alone.
            if item.type == pj.PJMEDIA_TYPE_AUDIO and item.status in CONNECTED:
                stream = call.getAudioMedia(item.index)
                self.handset.listening = True
                stream.startTransmit(self.handset)
                self.handset.startTransmit(stream)

    def notified(self, call: Call, message: str) -> None:
        event = header(message, "event") or header(message, "o")
        self.emit("notify", name=event)
        # What desk phones do when the PBX asks them to pick up or to resume (Broadsoft's "talk" event).
        if event.lower() == "talk" and call is self.call:
            self.answer_after(0.0)

    # --- commands -------------------------------------------------------------------

    def register(self, on: bool) -> None:
        self.setRegistration(on)
        self.registering = True

    def begin(self, call: Call) -> None:
        self.call = call
        self.serial += 1
        self.first_rtp = None
        self.streams = []
        self.finished = {}

    def answer_after(self, seconds: float) -> None:
        """Answer the present call after `seconds`, if it rings still."""
        # By its number: a timer that held the Call would outlive it (see Worker.bury).
        serial = self.serial
        self.host.after(seconds, lambda: self.answer_if(serial))

    def answer_if(self, serial: int) -> None:
        ringing = (pj.PJSIP_INV_STATE_INCOMING, pj.PJSIP_INV_STATE_EARLY)
        if self.call is not None and self.serial == serial and self.call.getInfo().state in ringing:
            self.call.answer(op_param(200))

    def live(self) -> Call:
        if self.call is None:
            raise CommandError("the phone has no call")
        return self.call

    def dial(self, to: str, headers: dict[str, str], call_id: str) -> None:
        if self.call is not None:
            raise CommandError("the phone is already in a call")
        option = pj.CallOpParam(True)
        if call_id:
            option.opt.customCallId = call_id
        option.txOption.headers = header_vector(headers)
        call = Call(self)
        self.begin(call)
        self.host.keep(call)
        try:
            call.makeCall(to, option)
        except pj.Error:
            self.call = None
            self.host.retire(call)
            raise

    def play(self, path: str, loop: bool) -> None:
        self.handset.speech = Speech(read_wav(path), loop)

    def silence(self) -> None:
        self.handset.speech = None

    def close(self) -> None:
        """Give the handset back and end the account."""
        self.handset.reset(0.0)
        self.host.return_handset(self.handset)
        self.shutdown()

    # --- figures --------------------------------------------------------------------

    def keep_stream_stats(self, call: Call, index: int) -> None:
        if call is self.call:
            with contextlib.suppress(pj.Error):
                self.streams.append(stream_stats(call, index))

    def stats(self) -> dict[str, Any]:
        if self.call is None:
            return self.finished
        streams = list(self.streams)
        with contextlib.suppress(pj.Error):
            streams.append(stream_stats(self.call, 0))
        return {"streams": streams, "first_rtp": self.first_rtp}

    def watch(self) -> bool:
        """Look for the first RTP packet and for the end of speech; True while a packet is awaited."""
        if self.handset.speech is not None and self.handset.speech.ended:
            self.silence()
            self.emit("played")
        if self.call is None or self.first_rtp is not None or not self.call.hasMedia():
            return False
        with contextlib.suppress(pj.Error):
            if self.call.getStreamStat(0).rtcp.rxStat.pkt > 0:
                self.first_rtp = time.monotonic()
                self.emit("first_rtp")
                return False
        return True


def op_param(code: int) -> Any:
    option = pj.CallOpParam()
    option.statusCode = code
    return option


def header(message: str, name: str) -> str:
    """Value of the first header line `name` of a SIP message, "" when it has none."""
    for line in message.split("\r\n\r\n", 1)[0].split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.strip().lower() == name:
            return value.strip()
    return ""


def header_vector(headers: dict[str, str]) -> Any:
    vector = pj.SipHeaderVector()
    for name, value in headers.items():
        item = pj.SipHeader()
        item.hName, item.hValue = name, value
        vector.append(item)
    return vector


def account_config(options: dict[str, Any]) -> Any:
    config = pj.AccountConfig()
    config.idUri = options["uri"]
    config.mediaConfig.transportConfig.boundAddress = options["host"]
    config.mediaConfig.transportConfig.port = 0
    config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_INACTIVE
    # Contact and media must stay on the address we bound; there is no NAT on loopback.
    config.natConfig.contactRewriteUse = 0
    config.natConfig.viaRewriteUse = False
    config.natConfig.sdpNatRewriteUse = 0
    if options.get("registrar"):
        config.regConfig.registrarUri = options["registrar"]
        config.regConfig.registerOnAdd = False
        config.regConfig.timeoutSec = int(options.get("expires", 300))
        config.regConfig.retryIntervalSec = 0
        config.sipConfig.authCreds.append(
            pj.AuthCredInfo("digest", "*", options["user"], 0, options["password"])
        )
    return config
