"""Commands as requests to Asterisk's REST interface. Pure.

`encode` is total over `SwitchCommand`: a command is either one request or
`Unencodable`. What a status means for a command is part of the request: when
the state that the command wants holds already, there is no failure.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec

from acd.commands import (
    Answer,
    Command,
    CountPackets,
    CreateBridge,
    DestroyBridge,
    Hangup,
    Join,
    Leave,
    MusicOff,
    MusicOn,
    Originate,
    Play,
    RecordDiscard,
    RecordStart,
    RecordStop,
    ReferProgress,
    Ring,
    SendDigits,
    StopPlayback,
    ToDialplan,
)
from acd.events import SILENCE
from callrouter.ari.models import RESTQueryStringParameter, RESTRequest

MAX_FRAME = 64 * 1024
"""Bytes; larger WebSocket frames make Asterisk drop the link."""
MAX_DIGITS = 32
_CONTROL = re.compile(r"[\x00-\x1f\x7f]").search
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+").fullmatch
_DIGITS = frozenset("0123456789*#ABCD")
_GONE = frozenset({400, 404})
"""Of a channel that is gone: 404 when it stands in the path, 400 when it is `addChannel`'s parameter."""
_NOT_OURS = frozenset({*_GONE, 409})
"""409: a channel gone from Stasis or not there yet, a bridge about to be gone."""


LEG: Final = "leg"
EARLY_LEG: Final = "early"
"""What StasisStart says of a channel of ours: it has answered, or it has not been dialled yet."""
_DETECTOR: Final = "TALK_DETECT(set)"
_DETECTED: Final = f"{round(SILENCE * 1000)}"
"""Milliseconds; how loud a sound has to be is Asterisk's own default (-42 dBFS)."""


class Unencodable(ValueError):
    """The command's content must not reach Asterisk (control characters, bad digits, too large)."""


@dataclass(frozen=True, slots=True)
class Request:
    """`settled` are the failure statuses that mean: what was wanted is so already."""

    method: str
    uri: str
    subject: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    settled: frozenset[int] = frozenset()


def _path(*parts: str) -> str:
    # Ids of our own need no quoting, and quoting takes ten times as long as looking.
    return "/".join(part if _PLAIN(part) else quote(part, safe="") for part in parts)


def _clean(value: str) -> str:
    if _CONTROL(value):
        raise Unencodable(f"control character in {value[:40]!r}")
    return value


def _caller_id(name: str, number: str) -> str:
    """``"name" <number>`` without anything that could end the quotes (RFC 3261 quoted-string)."""
    plain = "".join(c for c in name if c not in '"\\<>' and c.isprintable())
    digits = "".join(c for c in number if c in "+0123456789*#")
    return f'"{plain}" <{digits}>' if plain else f"<{digits}>"


def _originate(c: Originate, app: str) -> Request:
    body: dict[str, Any] = {"endpoint": _clean(c.endpoint), "app": app}
    shown = _caller_id(c.caller_name, c.caller_number)
    variables = {_clean(name): _clean(value) for name, value in c.variables.items()}
    if c.early:
        # Asterisk hands over a channel made so before it is dialled (`dial`); it takes no `callerId`.
        body["appArgs"] = EARLY_LEG
        variables |= {"CALLERID(all)": shown, "CONNECTEDLINE(all,i)": shown, _DETECTOR: _DETECTED}
        body["variables"] = variables
    else:
        body |= {"appArgs": LEG, "callerId": shown, "timeout": _ring_for(c)}
        if variables:
            body["variables"] = variables
    if c.originator is not None:
        body["originator"] = c.originator
    path = _path("channels", "create") if c.early else _path("channels", c.channel)
    query = (("channelId", c.channel),) if c.early else ()
    return Request("POST", path, c.channel, query, body=msgspec.json.encode(body))


def _ring_for(c: Originate) -> int:
    return max(1, round(c.ring_for))


def dial(c: Originate) -> Request:
    """The second half of an `early` one, once its channel is ours: the INVITE."""
    return Request("POST", _path("channels", c.channel, "dial"), c.channel, (("timeout", str(_ring_for(c))),))


def _play(c: Play, app: str) -> Request:
    if not c.media:
        raise Unencodable("nothing to play")
    body = msgspec.json.encode({"media": [_clean(uri) for uri in c.media]})
    return Request("POST", _path("channels", c.channel, "play", c.playback), c.playback, body=body)


def _ring(c: Ring, app: str) -> Request:
    if c.on:
        return Request("POST", _path("channels", c.channel, "ring"), c.channel)
    return Request("DELETE", _path("channels", c.channel, "ring"), c.channel, settled=_NOT_OURS)


def _send_digits(c: SendDigits, app: str) -> Request:
    if not 0 < len(c.digits) <= MAX_DIGITS or not _DIGITS.issuperset(c.digits.upper()):
        raise Unencodable(f"digits must be 1 to {MAX_DIGITS} of 0-9 * # A-D, not {c.digits[:40]!r}")
    return Request("POST", _path("channels", c.channel, "dtmf"), c.channel, (("dtmf", c.digits.upper()),))


def _join(c: Join, app: str) -> Request:
    query: tuple[tuple[str, str], ...] = (("channel", c.channel),)
    if c.keys_stay:
        query = (*query, ("absorbDTMF", "true"))
    if c.introduced:
        query = (*query, ("inhibitConnectedLineUpdates", "true"))
    return Request("POST", _path("bridges", c.bridge, "addChannel"), c.channel, query)


def _leave(c: Leave, app: str) -> Request:
    """422: the channel is not in this bridge."""
    return Request(
        "POST",
        _path("bridges", c.bridge, "removeChannel"),
        c.channel,
        (("channel", c.channel),),
        settled=_NOT_OURS | {422},
    )


def _to_dialplan(c: ToDialplan, app: str) -> Request:
    query: tuple[tuple[str, str], ...] = ()
    if c.context:
        query = (("context", _clean(c.context)), ("extension", _clean(c.extension)), ("priority", "1"))
    return Request("POST", _path("channels", c.channel, "continue"), c.channel, query)


def _record_start(c: RecordStart, app: str) -> Request:
    query = (
        ("name", _clean(c.recording)),
        ("format", "wav"),
        ("maxDurationSeconds", str(max(1, round(c.max_seconds)))),
        ("maxSilenceSeconds", str(max(1, round(c.silence_seconds)))),
        ("ifExists", "fail"),
        ("beep", "true" if c.beep else "false"),
        ("terminateOn", "none"),
    )
    return Request("POST", _path("channels", c.channel, "record"), c.recording, query)


_REFER_STATES: Mapping[str, str] = {
    "progress": "channel_progress",
    "answered": "channel_answered",
    "unavailable": "channel_unavailable",
    "declined": "channel_declined",
}


def _refer_progress(c: ReferProgress, app: str) -> Request:
    if c.state not in _REFER_STATES:
        raise Unencodable(f"no state of a REFER: {c.state[:40]!r}")
    return Request(
        "POST",
        _path("channels", c.channel, "transfer_progress"),
        c.channel,
        (("states", _REFER_STATES[c.state]),),
        settled=_NOT_OURS,
    )


_ENCODERS: Mapping[type[Command], Callable[[Any, str], Request]] = {
    Answer: lambda c, app: Request("POST", _path("channels", c.channel, "answer"), c.channel),
    Ring: _ring,
    Play: _play,
    StopPlayback: lambda c, app: Request("DELETE", _path("playbacks", c.playback), c.playback, settled=_GONE),
    MusicOn: lambda c, app: Request(
        "POST", _path("channels", c.channel, "moh"), c.channel, (("mohClass", _clean(c.music)),)
    ),
    MusicOff: lambda c, app: Request(
        "DELETE", _path("channels", c.channel, "moh"), c.channel, settled=_NOT_OURS
    ),
    Originate: _originate,
    CreateBridge: lambda c, app: Request(
        "POST",
        _path("bridges", c.bridge),
        c.bridge,
        # The one type that never passes packets through; no phone is asked for video (tried).
        (("type", "mixing,video_sfu" if c.mixed else "mixing"),),
        settled=frozenset({409}),
    ),
    DestroyBridge: lambda c, app: Request("DELETE", _path("bridges", c.bridge), c.bridge, settled=_NOT_OURS),
    Join: _join,
    Leave: _leave,
    SendDigits: _send_digits,
    Hangup: lambda c, app: Request(
        "DELETE",
        _path("channels", c.channel),
        c.channel,
        (("reason_code", str(c.cause)),),
        settled=_GONE,
    ),
    ToDialplan: _to_dialplan,
    CountPackets: lambda c, app: Request(
        "GET", _path("channels", c.channel, "rtp_statistics"), c.channel, settled=_NOT_OURS
    ),
    RecordStart: _record_start,
    # Not DELETE ("throw away"): before the first sound it fails and the recording goes on (22.10.1).
    RecordStop: lambda c, app: Request(
        "POST", _path("recordings", "live", c.recording, "stop"), c.recording, settled=_GONE
    ),
    RecordDiscard: lambda c, app: Request(
        "DELETE", _path("recordings", "stored", c.recording), c.recording, settled=_GONE
    ),
    ReferProgress: _refer_progress,
}


def encode(command: Command, app: str) -> Request:
    """The request that carries out `command` for the Stasis application `app`.

    Raises `Unencodable`. `AnswerPhone`, `MonitorStart` and `MonitorStop` are no
    requests of this interface and are `Unencodable` too: the client hands them to its hooks.
    """
    encoder = _ENCODERS.get(type(command))
    if encoder is None:
        raise Unencodable(f"{type(command).__name__} is no request to Asterisk's REST interface")
    try:
        return encoder(command, app)
    except UnicodeEncodeError as error:
        raise Unencodable(f"{type(command).__name__} holds text that is not Unicode") from error


def frame(request: Request, transaction: str) -> bytes:
    """The request as a message for the event WebSocket. Raises `Unencodable` when it would be too large."""
    message = msgspec.json.encode(
        RESTRequest(
            type="RESTRequest",
            transaction_id=transaction,
            request_id=transaction,
            method=request.method,
            uri=request.uri,
            content_type="application/json" if request.body else "",
            query_strings=[RESTQueryStringParameter(name=n, value=v) for n, v in request.query],
            message_body=request.body.decode(),
        )
    )
    if len(message) > MAX_FRAME:
        raise Unencodable(f"request of {len(message)} bytes, Asterisk takes {MAX_FRAME}")
    return message
