"""Asterisk's event stream as the core's facts. Pure.

How calls enter
---------------
The dialplan (``asterisk_conf/extensions.conf``) gives StasisStart these arguments:

====  =====================  ==============================================================
 0    ``caller``, ``seat``   somebody on a trunk; a seat's phone that dials out
 1    endpoint               the trunk's or the seat's name
 2    presentation           Asterisk's word: ``allowed_…``, ``prohib_…`` (RFC 3323), …
 3    User-to-User           base64 of ``.`` and the header (Asterisk warns about empty input)
 4    Max-Forwards           digits
 5    History-Info           base64 of ``.`` and the header
====  =====================  ==============================================================

What others can fill with anything never meets the dialplan's quoting: number
and name (from P-Asserted-Identity on a trusted trunk, else From), the number of
the first Diversion and the dialled extension are read from the channel, headers
come in base64. What is missing reads as empty, and whatever is not one of our
legs is served as a caller. Legs that we originate have the one argument ``leg``,
or ``early`` when they are ours before they are dialled: of these a Dial event
tells the answer, and TALK_DETECT whether they are heard before.

When a leg has ended
--------------------
At the far end's ChannelHangupRequest once it is in Stasis, at StasisEnd or at
ChannelDestroyed, whichever comes first; `LegEnded` is said
once. StasisEnd has no cause, so the one of the ChannelHangupRequest before it
is used; a *soft* request carries Asterisk's flag bits in `cause` and counts only
as far as we know why we hung up. A request without cause is a plain BYE (16).
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from acd.events import (
    CallOffered,
    DigitReceived,
    LegAnswered,
    LegEnded,
    LegHeard,
    LegRinging,
    LegSilent,
    PacketsCounted,
    PeerHeld,
    PlaybackFinished,
    PlaybackStarted,
    RecordingEnded,
    ReferAsked,
    SwitchEvent,
)
from acd.ids import CallId, ChannelId, NodeId, PlaybackId, RecordingId
from callrouter.ari import models
from callrouter.ari.audit import EVERY, FieldAudit
from callrouter.ari.caller import clean_dialled, clean_display, clean_number, clean_text, decode_header
from callrouter.ari.requests import EARLY_LEG, LEG

NORMAL_CLEARING = 16
_REMEMBERED = 4096
"""How many ended legs are remembered so that their second end goes unnoticed."""
_MOST_LEGS = 20_000
"""Legs and prompts remembered, ten times what one Asterisk carries: the oldest are leftovers."""
_ENDPOINT_LIMIT = 80


class _Head(msgspec.Struct, gc=False):
    type: str = ""


@dataclass(slots=True)
class _Leg:
    originated: bool
    ringing: bool = False
    cause: int = 0
    entered: bool = False
    """It is under our control (StasisStart has been said)."""
    early: bool = False
    """Ours before it has answered."""


def call_id(node: NodeId, channel: str, entered: str) -> CallId:
    """One visit's id: when it began (UTC, milliseconds), the channel's running number, the node.

    Made of the StasisStart alone, hence the same whoever decodes it; a caller who
    went back to the dialplan and enters again is another visit. Sorts by arrival.
    """
    number = channel.rpartition(".")[2][:32]
    try:
        moment = datetime.fromisoformat(entered).astimezone(UTC)
    except ValueError:
        return CallId(f"{channel[:64]}-{node}")
    return CallId(f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}-{number}-{node}")


class EventCodec:
    """Decodes one node's stream and keeps what little of it later events need.

    `events` counts by type; `unknown_types` and `unknown_fields` what this
    Asterisk says beyond our models; `malformed` what could not be read at all.
    """

    def __init__(self, node: NodeId) -> None:
        self.node = node
        self.events: Counter[str] = Counter()
        self.unknown_types: Counter[str] = Counter()
        self.malformed = 0
        self._decoder = msgspec.json.Decoder(models.AnyEvent)
        self._head = msgspec.json.Decoder(_Head)
        self._audit = FieldAudit()
        self._legs: dict[ChannelId, _Leg] = {}
        self._ended: OrderedDict[ChannelId, None] = OrderedDict()
        self._playing: set[str] = set()

    @property
    def unknown_fields(self) -> Mapping[str, int]:
        return self._audit.unknown

    def decode(self, data: bytes) -> models.Event | None:
        """One message; None when it is of a type we do not know or cannot be read. Never raises."""
        try:
            event: models.Event = self._decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._count_undecodable(data)
            return None
        name = type(event).__name__
        seen = self.events[name]
        self.events[name] = seen + 1
        if seen % EVERY == 0:
            self._audit.look(type(event), data)
        return event

    def _count_undecodable(self, data: bytes) -> None:
        try:
            name = self._head.decode(data).type[:64]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            name = ""
        if name and name not in _TRANSLATORS and not hasattr(models, name) and len(self.unknown_types) < 256:
            self.unknown_types[name] += 1
        else:
            self.malformed += 1

    # --- bookkeeping -----------------------------------------------------------------

    def originating(self, channel: ChannelId, *, early: bool = False) -> None:
        """We are about to originate this channel."""
        self._remember(channel, originated=True)
        self._legs[channel].early = early

    def _remember(self, channel: ChannelId, *, originated: bool) -> None:
        if len(self._legs) >= _MOST_LEGS:
            del self._legs[next(iter(self._legs))]
        self._legs.setdefault(channel, _Leg(originated))

    def adopt(self, channel: models.Channel) -> None:
        """A channel that lived before this connection; one that is not up yet can only be ours."""
        originated = channel.state in ("Down", "Ringing", "Dialing")
        self._remember(ChannelId(channel.id), originated=originated)
        leg = self._legs[ChannelId(channel.id)]
        leg.ringing = channel.state == "Ringing"
        dialplan = channel.dialplan or models.DialplanCEP()
        leg.early = leg.entered = originated and dialplan.app_name == "Stasis"

    def hanging_up(self, channel: ChannelId, cause: int) -> None:
        """We are about to hang this channel up: its end will have our cause."""
        leg = self._legs.get(channel)
        if leg is not None:
            leg.cause = cause

    def leaving(self, channel: ChannelId) -> bool:
        """Gone, or somebody has hung up: nothing can be heard there any more."""
        leg = self._legs.get(channel)
        return leg is None or leg.cause != 0

    def forget(self, channel: ChannelId) -> None:
        """The channel never came to be."""
        self._legs.pop(channel, None)

    def found_gone(self, channel: ChannelId) -> tuple[SwitchEvent, ...]:
        """A request met no such channel: the end of a leg that we thought alive."""
        return self._gone(channel) if channel in self._legs else ()

    def _gone(self, channel: ChannelId, cause: int = 0) -> tuple[SwitchEvent, ...]:
        leg = self._legs.pop(channel, None)
        if channel in self._ended:
            return ()
        self._ended[channel] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        return (LegEnded(node=self.node, channel=channel, cause=cause or (leg.cause if leg else 0)),)

    @property
    def playing(self) -> frozenset[str]:
        """Playbacks that have begun and not ended, as far as we were told."""
        return frozenset(self._playing)

    def adopt_playing(self, playbacks: Iterable[str]) -> None:
        """Playbacks that began before this connection and go on."""
        self._playing.update(playbacks)

    def reset(self) -> None:
        """A new connection: what was remembered of the old one may no longer be true."""
        self._legs.clear()
        self._ended.clear()
        self._playing.clear()

    # --- translation -----------------------------------------------------------------

    def facts(self, event: models.Event) -> tuple[SwitchEvent, ...]:
        translate = _TRANSLATORS.get(type(event).__name__)
        return translate(self, event) if translate is not None else ()

    def _started(self, event: models.StasisStart) -> tuple[SwitchEvent, ...]:
        channel = ChannelId(event.channel.id)
        if event.args[:1] in ([LEG], [EARLY_LEG]):
            leg = self._legs.setdefault(channel, _Leg(originated=True))
            leg.entered = True
            # One that was given up meanwhile is told all the same: whoever knows nothing of it ends it.
            return () if leg.early else (LegAnswered(node=self.node, channel=channel),)
        self._legs[channel] = _Leg(originated=False, entered=True)
        self._ended.pop(channel, None)
        return (self._offered(event, channel),)

    def _offered(self, event: models.StasisStart, channel: ChannelId) -> CallOffered:
        _, endpoint, presentation, uui, hops, history = [*event.args, "", "", "", "", "", ""][:6]
        said = event.channel.caller or models.CallerID()
        dialplan = event.channel.dialplan or models.DialplanCEP()
        headers = {
            "User-to-User": decode_header(uui),
            "Max-Forwards": hops if hops.isdecimal() and len(hops) <= 4 else "",
            "History-Info": decode_header(history),
            "Diversion": clean_number(event.channel.caller_rdnis),
        }
        return CallOffered(
            node=self.node,
            call=call_id(self.node, channel, event.timestamp),
            channel=channel,
            dialled=clean_dialled(dialplan.exten),
            caller=clean_number(said.number, presentation),
            trunk=clean_text(endpoint, _ENDPOINT_LIMIT),
            display=clean_display(said.name, presentation),
            headers={name: value for name, value in headers.items() if value},
        )

    def _dial(self, event: models.Dial) -> tuple[SwitchEvent, ...]:
        """RINGING is 180, PROGRESS 183. ChannelStateChange says no more and comes three times a call."""
        channel = ChannelId(event.peer.id)
        leg = self._legs.get(channel)
        if leg is None or not leg.originated:
            return ()
        if event.dialstatus == "ANSWER" and leg.early:
            leg.early = False
            return (LegAnswered(node=self.node, channel=channel),)
        if leg.ringing or event.dialstatus not in ("RINGING", "PROGRESS"):
            return ()
        leg.ringing = True
        return (LegRinging(node=self.node, channel=channel),)

    def _sounds(
        self, event: models.ChannelTalkingStarted | models.ChannelTalkingFinished
    ) -> tuple[SwitchEvent, ...]:
        """Asterisk goes on telling when somebody speaks; it matters until the answer only."""
        channel = ChannelId(event.channel.id)
        leg = self._legs.get(channel)
        if leg is None or not leg.early:
            return ()
        if isinstance(event, models.ChannelTalkingStarted):
            return (LegHeard(node=self.node, channel=channel),)
        return (LegSilent(node=self.node, channel=channel, seconds=max(0, event.duration) / 1000),)

    def _hangup_request(self, event: models.ChannelHangupRequest) -> tuple[SwitchEvent, ...]:
        leg = self._legs.get(ChannelId(event.channel.id))
        if leg is not None and not leg.cause and not event.soft:
            leg.cause = event.cause or NORMAL_CLEARING
            if leg.entered:
                # Its playbacks end before StasisEnd is said: who leaves must not look like who has listened.
                return self._gone(ChannelId(event.channel.id))
        return ()

    def counted(self, channel: ChannelId, statistics: str) -> tuple[SwitchEvent, ...]:
        """The reply to `CountPackets`; one that cannot be read says nothing."""
        try:
            found = msgspec.json.decode(statistics, type=models.RTPstat)
        except msgspec.DecodeError:
            self.malformed += 1
            return ()
        return (PacketsCounted(node=self.node, channel=channel, received=found.rxcount),)

    def _digit(self, event: models.ChannelDtmfReceived) -> tuple[SwitchEvent, ...]:
        return (DigitReceived(node=self.node, channel=ChannelId(event.channel.id), digit=event.digit),)

    def _held(self, event: models.ChannelHold | models.ChannelUnhold) -> tuple[SwitchEvent, ...]:
        held = isinstance(event, models.ChannelHold)
        return (PeerHeld(node=self.node, channel=ChannelId(event.channel.id), held=held),)

    def _playback_started(self, event: models.PlaybackStarted) -> tuple[SwitchEvent, ...]:
        """Said again for the next of several media when one before could not be opened."""
        playback = PlaybackId(event.playback.id)
        if playback in self._playing:
            return ()
        if len(self._playing) >= _MOST_LEGS:
            self._playing.clear()
        self._playing.add(playback)
        return (PlaybackStarted(node=self.node, playback=playback),)

    def _playback_finished(self, event: models.PlaybackFinished) -> tuple[SwitchEvent, ...]:
        playback = PlaybackId(event.playback.id)
        self._playing.discard(playback)
        failed = event.playback.state == "failed"
        return (PlaybackFinished(node=self.node, playback=playback, failed=failed),)

    def _recording_ended(
        self, event: models.RecordingFinished | models.RecordingFailed
    ) -> tuple[SwitchEvent, ...]:
        told = event.recording
        ended = RecordingEnded(
            node=self.node,
            recording=RecordingId(told.name),
            ok=isinstance(event, models.RecordingFinished) and told.state == "done",
            seconds=told.duration,
            reason=told.cause or told.state,
        )
        return (ended,)

    def _transfer(self, event: models.ChannelTransfer) -> tuple[SwitchEvent, ...]:
        """A REFER; with `state` it is but the echo of what we have told its sender."""
        source, wanted = event.referred_by.source_channel, event.refer_to.requested_destination
        if event.state or source is None:
            return ()
        other = event.refer_to.destination_channel
        asked = ReferAsked(
            node=self.node,
            channel=ChannelId(source.id),
            target=clean_dialled(wanted.destination if wanted is not None else ""),
            replaces=ChannelId(other.id) if other is not None else None,
        )
        return (asked,)

    def _stasis_ended(self, event: models.StasisEnd) -> tuple[SwitchEvent, ...]:
        return self._gone(ChannelId(event.channel.id))

    def _destroyed(self, event: models.ChannelDestroyed) -> tuple[SwitchEvent, ...]:
        return self._gone(ChannelId(event.channel.id), event.cause)


_TRANSLATORS: Mapping[str, Callable[[EventCodec, Any], tuple[SwitchEvent, ...]]] = {
    "StasisStart": EventCodec._started,
    "StasisEnd": EventCodec._stasis_ended,
    "ChannelDestroyed": EventCodec._destroyed,
    "ChannelHangupRequest": EventCodec._hangup_request,
    "Dial": EventCodec._dial,
    "ChannelTalkingStarted": EventCodec._sounds,
    "ChannelTalkingFinished": EventCodec._sounds,
    "ChannelDtmfReceived": EventCodec._digit,
    "ChannelHold": EventCodec._held,
    "ChannelUnhold": EventCodec._held,
    "PlaybackStarted": EventCodec._playback_started,
    "PlaybackFinished": EventCodec._playback_finished,
    "ChannelTransfer": EventCodec._transfer,
    "RecordingFinished": EventCodec._recording_ended,
    "RecordingFailed": EventCodec._recording_ended,
}

ALLOWED_EVENTS = (*_TRANSLATORS, "ApplicationReplaced", "RESTResponse")
"""What Asterisk shall send: without RESTResponse in the list it would swallow the replies."""
