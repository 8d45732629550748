"""What the web part is told at start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from acd.ids import OrgId
from callrouter.operator_notices import NoNotices, Notices

_SECOND: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineKey:
    """One key of the desk: a line the caller can be handed to."""

    number: str
    name: str
    kind: str = "hotline"
    """``hotline``, ``prefecture`` or ``emergency``: how the desk groups its keys."""


def _itself(organisation: OrgId) -> frozenset[OrgId]:
    return frozenset({organisation})


def _no_warnings() -> Sequence[str]:
    return ()


def _no_lines() -> Sequence[LineKey]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    """Names this server answers to, without port: a page of another name cannot reach it by DNS tricks."""
    body_limit: int = 64 * 1024
    file_limit: int = 4_000_000
    """Bytes of a request body."""
    live_limit: int = 500
    """Screens connected at a time."""
    live_interval: float = 0.05 * _SECOND
    """Changes within this time are sent together."""
    live_patience: float = 10 * _SECOND
    """A screen that takes longer to accept a message is disconnected."""
    token_patience: float = 10 * _SECOND
    """A screen that has not shown its token by then is disconnected."""
    recheck: float = 30 * _SECOND
    """How soon a revoked token ends a live connection."""
    failures_per_user: int = 5
    """Failed sign-ins a minute of one user from one address; then 429."""
    failures_per_address: int = 30
    sign_ins_waiting: int = 32
    """Sign-ins being checked at a time; the next gets 503."""
    subtree: Callable[[OrgId], frozenset[OrgId]] = _itself
    """An organisation with all beneath it."""
    lines: Callable[[], Sequence[LineKey]] = field(default=_no_lines)
    """The desk's keys; asked at each request, so that a changed directory shows at once."""
    notices: Notices = field(default_factory=NoNotices)
    """What screens are to show of the service itself, as long as it is so."""
    warnings: Callable[[], Sequence[str]] = field(default=_no_warnings)
    """Sentences for the operator about what does not keep calls from being taken: store, broker."""
