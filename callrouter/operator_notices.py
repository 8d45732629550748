"""What whoever sits at a screen ought to know of the service itself, and when it is over."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from acd.ids import Instant

STORE_AWAY: Final = "store_away"
"""Records wait on this machine's disk until the database is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that is so now; gone when it is not."""

    kind: str
    since: Instant
    reason: str
    """For who looks after the machines."""
    waiting: int = 0
    """Bytes of records on disk."""
    lost: int = 0
    """Records lost since the start."""


class Notices(Protocol):
    def current(self) -> tuple[Notice, ...]: ...

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back, in the loop, when `current` has changed; returns the function that ends it."""


class NoNotices:
    """Nothing ever happens."""

    def current(self) -> tuple[Notice, ...]:
        return ()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        return lambda: None
