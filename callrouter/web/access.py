"""Who may see and do what.

- An agent acts on the seat they sit at, or takes a free one of theirs; sees the seats and
  queues of the organisation, and their own calls with the callers' numbers.
- A supervisor sees seats, queues and calls of the organisation and all beneath it, numbers
  masked unless granted, and may sign seats out or set them ready and not ready.
- Engineers and auditors see everything and act on nothing; auditors see numbers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from acd.ids import OrgId, SeatId
from acd.record import CallRecord
from callrouter.ports import NO_ORGANISATION, CallView, Role, SeatView, User
from callrouter.web.problems import Problem
from callrouter.web.settings import WebSettings

SUPERVISORS_DEEDS: Final = frozenset({"sign_out", "ready", "not_ready"})
"""What a supervisor may do at somebody else's seat."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in user and the organisations they look after; None: all."""

    user: User
    organisations: frozenset[OrgId] | None

    @property
    def oversees(self) -> bool:
        """Sees more than their own calls."""
        return bool(self.user.roles - {Role.AGENT})

    @property
    def sees_numbers(self) -> bool:
        return self.user.see_numbers or Role.AUDITOR in self.user.roles

    def in_scope(self, organisation: OrgId) -> bool:
        return self.organisations is None or organisation in self.organisations

    # --- seats ---

    def sits_at(self, seat: SeatView) -> bool:
        return self.user.agent is not None and seat.agent == self.user.agent

    def own_seats(self, seats: Iterable[SeatView]) -> frozenset[SeatId]:
        return frozenset(seat.seat for seat in seats if self.sits_at(seat))

    def require_deed(self, seat: SeatView, deed: str) -> None:
        """Raises `Problem` 403 unless this user may do `deed` at `seat`."""
        if Role.AGENT in self.user.roles and (
            self.sits_at(seat) or (seat.agent is None and seat.seat in self.user.seats)
        ):
            return
        if Role.SUPERVISOR in self.user.roles and self.in_scope(seat.organisation):
            if deed in SUPERVISORS_DEEDS:
                return
            raise Problem(403, "not_at_this_seat", f"only the agent at seat {seat.seat} may do this")
        raise Problem(403, "not_your_seat", f"seat {seat.seat} is not yours: sign in to one of your own")

    # --- calls ---

    def owns_live(self, call: CallView, own_seats: frozenset[SeatId]) -> bool:
        if call.seat in own_seats:
            return True
        return any(leg.role == "seat" and leg.party in own_seats for leg in call.legs)

    def sees_live(self, call: CallView, own_seats: frozenset[SeatId]) -> bool:
        return (self.oversees and self.in_scope(call.organisation)) or self.owns_live(call, own_seats)

    def masks_live(self, call: CallView, own_seats: frozenset[SeatId]) -> bool:
        return not self.sees_numbers and not self.owns_live(call, own_seats)

    def owns_past(self, record: CallRecord) -> bool:
        return self.user.agent is not None and record.first_agent == self.user.agent

    def sees_past(self, record: CallRecord) -> bool:
        return (self.oversees and self.in_scope(OrgId(record.organisation))) or self.owns_past(record)

    def masks_past(self, record: CallRecord) -> bool:
        return not self.sees_numbers and not self.owns_past(record)


def principal_of(user: User, settings: WebSettings) -> Principal:
    everywhere = user.organisation == NO_ORGANISATION or bool(user.roles & {Role.ENGINEER, Role.AUDITOR})
    if everywhere:
        return Principal(user, None)
    return Principal(user, settings.subtree(user.organisation) | {NO_ORGANISATION})
