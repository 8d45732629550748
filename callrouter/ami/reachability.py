"""Which seats' phones can be reached: contacts folded into facts. Pure.

A seat's phone is reachable while at least one of its contacts is: a registration
that has not expired and, where Asterisk qualifies it, answers OPTIONS. A contact
that has just been created counts (it has just spoken to us) until Asterisk says
otherwise. Facts are told on change only; the first snapshot after `forget` tells
every seat.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from acd.events import SeatReachable, SeatUnreachable, TrunkReachable, TrunkUnreachable
from acd.ids import SeatId

MAX_CONTACTS = 16
"""Contacts remembered per endpoint; the configuration allows one."""

_GONE = frozenset({"Removed"})
_DEAD = frozenset({"Unreachable", "Unavail", "Unavailable"})


@dataclass(frozen=True, slots=True)
class Contact:
    """`status` is Asterisk's word: Reachable, Unreachable, NonQualified, Created, Removed …"""

    endpoint: str
    uri: str
    status: str


class Reachability:
    """`seats` maps PJSIP endpoints to seats; other endpoints (trunks) are disregarded."""

    def __init__(self, seats: Mapping[str, SeatId]) -> None:
        self._seats = dict(seats)
        self._alive: dict[str, dict[str, bool]] = {}
        self._told: dict[SeatId, bool] = {}

    def snapshot(self, contacts: Iterable[Contact]) -> list[SeatReachable | SeatUnreachable]:
        """All contacts there are, whatever was known before."""
        self._alive.clear()
        for contact in contacts:
            self._note(contact)
        return [fact for endpoint in self._seats for fact in self._changed(endpoint)]

    def update(self, contact: Contact) -> list[SeatReachable | SeatUnreachable]:
        """One contact's change."""
        self._note(contact)
        return self._changed(contact.endpoint)

    def forget(self) -> None:
        """Whoever listens may have missed something: tell every seat anew."""
        self._told.clear()

    def replace_seats(self, seats: Mapping[str, SeatId]) -> None:
        """The plan of seats has changed; a snapshot has to follow."""
        self._seats = dict(seats)
        self._told = {seat: told for seat, told in self._told.items() if seat in seats.values()}

    def contradicts(self, endpoint: str, usable: bool) -> bool:
        """Asterisk's device state says otherwise than what we believe of this seat."""
        seat = self._seats.get(endpoint)
        return seat is not None and self._told.get(seat) is not usable

    def _note(self, contact: Contact) -> None:
        if contact.endpoint not in self._seats:
            return
        contacts = self._alive.setdefault(contact.endpoint, {})
        if contact.status in _GONE:
            contacts.pop(contact.uri, None)
        elif contact.uri in contacts or len(contacts) < MAX_CONTACTS:
            contacts[contact.uri] = contact.status not in _DEAD

    def _changed(self, endpoint: str) -> list[SeatReachable | SeatUnreachable]:
        seat = self._seats.get(endpoint)
        if seat is None:
            return []
        alive = any(self._alive.get(endpoint, {}).values())
        if self._told.get(seat) is alive:
            return []
        self._told[seat] = alive
        return [SeatReachable(seat=seat) if alive else SeatUnreachable(seat=seat)]


class TrunkReachability:
    """Which trunks' OPTIONS are answered, of those that send any."""

    def __init__(self, trunks: Collection[str]) -> None:
        self.trunks = frozenset(trunks)
        self._told: dict[str, bool] = {}

    def forget(self) -> None:
        """Whoever listens may have missed something: tell every trunk anew."""
        self._told.clear()

    def replace_trunks(self, trunks: Collection[str]) -> None:
        self.trunks = frozenset(trunks)
        self._told = {trunk: told for trunk, told in self._told.items() if trunk in self.trunks}

    def update(self, contact: Contact) -> list[TrunkReachable | TrunkUnreachable]:
        """What is known of a trunk's peer. Never asked yet counts as alive.

        It may stand there twice: the address that is dialled is never asked and says nothing.
        """
        trunk, alive = contact.endpoint, contact.status not in _GONE | _DEAD
        unknown = contact.status == "NonQualified" and trunk in self._told
        if trunk not in self.trunks or unknown or self._told.get(trunk) is alive:
            return []
        self._told[trunk] = alive
        return [TrunkReachable(trunk=trunk) if alive else TrunkUnreachable(trunk=trunk)]
