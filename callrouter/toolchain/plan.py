"""What one private Asterisk is asked to be: a plan, checked before anything is written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.locate import AsteriskFiles

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
"""Accounts: never numeric, so that a caller's number can't be taken for one."""

_PLAIN: Final = re.compile(r"[^\x00-\x1f\x7f;\[\]\"<>\\,]*")
"""Text that stands in a configuration line as it is: no comment, section or quote sign."""

_SECRET: Final = re.compile(r"[A-Za-z0-9_.~!@*+=-]{8,128}")
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f.:]+(/[0-9]{1,3})?")
_HOST: Final = re.compile(r"[0-9A-Za-z.:\[\]-]+")
_CODECS: Final = frozenset({"alaw", "ulaw", "g722", "opus"})


class PlanError(ToolchainError):
    """The plan can't be rendered; the text says which value and what is allowed."""


def require(pattern: re.Pattern[str], value: str, what: str, allowed: str) -> None:
    """Raise `PlanError` unless the whole of `value` matches."""
    if not pattern.fullmatch(value):
        raise PlanError(f"{what} {value!r} can't stand in Asterisk's configuration: use {allowed}")


@dataclass(frozen=True)
class SeatAccount:
    """A seat's phone: registers as `user` by digest authentication."""

    user: str
    password: str
    name: str
    webrtc: bool = False

    def __post_init__(self) -> None:
        require(NAME, self.user, "seat user", "a letter, then letters, digits, - or _ (at most 40)")
        require(_SECRET, self.password, f"password of seat {self.user}", "8 to 128 of A-Z a-z 0-9 _.~!@*+=-")
        require(_PLAIN, self.name, f"name of seat {self.user}", 'text without ; [ ] " < > \\ ,')


@dataclass(frozen=True)
class TrunkAccount:
    """A carrier or partner, known by the `addresses` it sends from.

    `peer` is where calls to it go (``host`` or ``host:port``; empty: it only
    calls us). `qualify` is the OPTIONS interval in seconds, 0 for none.
    `auth_user`/`auth_password` answer its challenges. `codecs` in order.
    `allow_transfer`: its REFER reaches the controller as a ChannelTransfer event;
    without it REFER is declined and the call stays as it is.
    """

    name: str
    addresses: tuple[str, ...]
    peer: str = ""
    codecs: tuple[str, ...] = ("alaw", "ulaw")
    context: str = "from-trunk"
    transport: str = "udp"
    qualify: int = 0
    auth_user: str = ""
    auth_password: str = ""
    from_domain: str = ""
    user_eq_phone: bool = False
    allow_transfer: bool = False

    def __post_init__(self) -> None:
        require(NAME, self.name, "trunk name", "a letter, then letters, digits, - or _ (at most 40)")
        require(NAME, self.context, f"context of trunk {self.name}", "a dialplan context's name")
        for address in self.addresses:
            require(
                _ADDRESS, address, f"address of trunk {self.name}", "an IP address or network, not a name"
            )
        if self.peer:
            require(_HOST, self.peer, f"peer of trunk {self.name}", "host or host:port")
        if self.from_domain:
            require(_HOST, self.from_domain, f"from_domain of trunk {self.name}", "a host name")
        if self.auth_user:
            require(_PLAIN, self.auth_user, f"auth_user of trunk {self.name}", "plain text")
            require(
                _SECRET,
                self.auth_password,
                f"auth_password of trunk {self.name}",
                "8 to 128 plain characters",
            )
        unknown = set(self.codecs) - _CODECS
        if unknown or not self.codecs:
            raise PlanError(
                f"trunk {self.name}: codecs {sorted(unknown)} unknown: use some of {sorted(_CODECS)}"
            )
        if self.transport not in ("udp", "tcp"):
            raise PlanError(f"trunk {self.name}: transport {self.transport!r}: use udp or tcp")


@dataclass(frozen=True)
class AsteriskPlan:
    """All that one private Asterisk needs to know. Times in seconds.

    `sounds` maps a language to the folder of its prompts (Asterisk finds
    ``sound:greeting`` there); English core sounds are always present. `apology`
    is what the safety net plays (a sound name, or ``""`` for the ringing tone
    alone). `night_group` names the seats that it rings after `net_patience`.
    `templates` names the folder of templates: ``""`` for the controller's own,
    ``"partners"`` puts that sub-folder's files in their place.
    """

    asterisk: AsteriskFiles
    sip_port: int
    http_port: int
    ami_port: int
    rtp_first: int
    rtp_last: int
    address: str = "127.0.0.1"
    language: str = "zh"
    seats: tuple[SeatAccount, ...] = ()
    trunks: tuple[TrunkAccount, ...] = ()
    sounds: Mapping[str, Path] = field(default_factory=dict)
    night_group: tuple[str, ...] = ()
    night_ring: int = 20
    net_retry: int = 3
    net_patience: int = 30
    apology: str = ""
    max_calls: int = 2000
    seat_qualify: int = 1
    seat_qualify_timeout: float = 0.8
    seat_rtp_timeout: int = 30
    trunk_rtp_timeout: int = 60
    templates: str = ""
    more_modules: tuple[str, ...] = ()
    cel: bool = False
    """Write channel events to ``log/cel-custom/callrouter.csv``, for `callrouter report reconcile`."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Further template words, for another folder of templates."""

    def __post_init__(self) -> None:
        require(_ADDRESS, self.address, "address", "an IP address")
        require(_PLAIN, self.apology, "apology", "a sound's name")
        users = [seat.user for seat in self.seats] + [trunk.name for trunk in self.trunks]
        twice = {user for user in users if users.count(user) > 1}
        if twice:
            raise PlanError(f"names used twice among seats and trunks: {', '.join(sorted(twice))}")
        strangers = set(self.night_group) - {seat.user for seat in self.seats}
        if strangers:
            raise PlanError(f"night group names no seat of the plan: {', '.join(sorted(strangers))}")
        if not 1024 <= self.rtp_first < self.rtp_last <= 65535:
            raise PlanError(f"RTP ports {self.rtp_first}-{self.rtp_last}: use a range within 1024-65535")
