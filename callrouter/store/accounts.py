"""Users, their passwords and the tokens they hold.

Passwords: argon2id with OWASP's smaller memory setting (19 MiB, two passes), one
at a time and in a thread, so that neither the loop nor the memory budget notices.
Tokens: 256 random bits; only SHA-256 digests are stored. Known tokens are also
remembered here, so that desks go on working while the database is away.
"""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Row, delete, insert, select, update

from acd.ids import AgentId, Instant, OrgId, SeatId
from callrouter.ports import NO_ORGANISATION, Clock, Role, SignedIn, Unavailable, User
from callrouter.store import schema
from callrouter.store.database import Database, StoreError
from callrouter.store.rows import micros, seconds, storable

TOKEN_LIFE: Final = 12 * 3600.0
"""Seconds: a shift and its edges."""
PASSWORD_LENGTH: Final = range(8, 129)
FRESH_FOR: Final = 5.0
"""Seconds for which a remembered token is believed without asking the database."""
REMEMBERED: Final = 10_000
TOKENS_PER_USER: Final = 20
"""Older tokens of a user are revoked beyond this."""

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_USERS: Final = schema.users.c
_TOKENS: Final = schema.tokens.c


@dataclass(slots=True)
class _Remembered:
    user: User
    expires: Instant
    checked: Instant


class StoredAccounts:
    """`callrouter.ports.Accounts` on a database."""

    def __init__(self, database: Database, clock: Clock, *, token_life: float = TOKEN_LIFE) -> None:
        self._database = database
        self._clock = clock
        self._token_life = token_life
        self._hashing = asyncio.Semaphore(1)
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._nobody = ""

    # --- what the API asks ---

    async def sign_in(self, name: str, password: str) -> SignedIn | None:
        row = await self._find(name)
        if len(password) not in PASSWORD_LENGTH:
            password, row = "", None
        known = row.password if row is not None else await self._hash_of_nobody()
        async with self._hashing:
            fits = await asyncio.to_thread(_verify, known, password)
        if row is None or not fits or row.disabled:
            return None
        return await self._issue(_user_of(row))

    async def user_of(self, token: str) -> User | None:
        now = self._clock.now()
        digest = _digest(token)
        known = self._remembered.get(digest)
        if known is not None and known.checked <= now < known.checked + FRESH_FOR and now < known.expires:
            return known.user
        try:
            known = await self._look_up(digest, now)
        except Unavailable:
            # Only those who were let in while the database answered, and not past their time.
            return known.user if known is not None and now < known.expires else None
        return known.user if known is not None else None

    async def sign_out(self, token: str) -> None:
        digest = _digest(token)
        self._remembered.pop(digest, None)
        async with self._database.write() as connection:
            await connection.execute(delete(schema.tokens).where(_TOKENS.digest == digest))

    # --- administration ---

    async def create(
        self,
        name: str,
        password: str,
        *,
        roles: Iterable[Role],
        display: str = "",
        organisation: OrgId = NO_ORGANISATION,
        agent: AgentId | None = None,
        seats: Iterable[SeatId] = (),
        see_numbers: bool = False,
    ) -> User:
        """Add a user, or replace the one of that name (whose tokens end).

        Raises `StoreError` for a name or password out of bounds.
        """
        _check_name(name)
        hashed = await self._hash(password)
        values = {
            "display": storable(display or name),
            "password": hashed,
            "roles": msgspec.json.encode(sorted(roles)).decode(),
            "organisation": organisation,
            "agent": agent,
            "seats": msgspec.json.encode(list(seats)).decode(),
            "see_numbers": see_numbers,
            "disabled": False,
        }
        async with self._database.write() as connection:
            changed = await connection.execute(
                update(schema.users).where(_USERS.name == name).values(**values)
            )
            if changed.rowcount == 0:
                created = micros(self._clock.now())
                await connection.execute(insert(schema.users).values(name=name, created=created, **values))
            await connection.execute(delete(schema.tokens).where(_TOKENS.user == name))
        self._forget(name)
        row = await self._find(name)
        if row is None:
            raise StoreError(f"user {name!r} was removed while being created: try again")
        return _user_of(row)

    async def set_disabled(self, name: str, disabled: bool) -> bool:
        """Bar a user (their tokens end) or let them in again; False when there is no such user."""
        async with self._database.write() as connection:
            changed = await connection.execute(
                update(schema.users).where(_USERS.name == name).values(disabled=disabled)
            )
            if disabled:
                await connection.execute(delete(schema.tokens).where(_TOKENS.user == name))
        self._forget(name)
        return changed.rowcount > 0

    async def users(self) -> list[tuple[User, bool]]:
        """All users by name, each with whether it is disabled."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(schema.users).order_by(_USERS.name))).all()
        return [(_user_of(row), row.disabled) for row in rows]

    # --- inside ---

    async def _find(self, name: str) -> Row[Any] | None:
        async with self._database.read() as connection:
            query = select(schema.users).where(_USERS.name == storable(name))
            return (await connection.execute(query)).one_or_none()

    async def _issue(self, user: User) -> SignedIn:
        now = self._clock.now()
        token = secrets.token_urlsafe(32)
        expires = now + self._token_life
        async with self._database.write() as connection:
            await connection.execute(delete(schema.tokens).where(_TOKENS.expires < micros(now)))
            kept = (
                select(_TOKENS.digest)
                .where(_TOKENS.user == user.name)
                .order_by(_TOKENS.created.desc())
                .limit(TOKENS_PER_USER - 1)
            )
            await connection.execute(
                delete(schema.tokens).where(_TOKENS.user == user.name, _TOKENS.digest.not_in(kept))
            )
            await connection.execute(
                insert(schema.tokens).values(
                    digest=_digest(token), user=user.name, created=micros(now), expires=micros(expires)
                )
            )
        self._remember(_digest(token), _Remembered(user, expires, now))
        return SignedIn(token=token, user=user, expires=expires)

    async def _look_up(self, digest: str, now: Instant) -> _Remembered | None:
        query = (
            select(schema.users, _TOKENS.expires)
            .join(schema.tokens, _TOKENS.user == _USERS.name)
            .where(_TOKENS.digest == digest, _TOKENS.expires > micros(now), _USERS.disabled.is_(False))
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            self._remembered.pop(digest, None)
            return None
        return self._remember(digest, _Remembered(_user_of(row), seconds(row.expires), now))

    def _remember(self, digest: str, known: _Remembered) -> _Remembered:
        self._remembered[digest] = known
        self._remembered.move_to_end(digest)
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return known

    def _forget(self, name: str) -> None:
        for digest in [key for key, known in self._remembered.items() if known.user.name == name]:
            del self._remembered[digest]

    async def _hash(self, password: str) -> str:
        if len(password) not in PASSWORD_LENGTH:
            raise StoreError(
                f"password must have {PASSWORD_LENGTH.start} to {PASSWORD_LENGTH.stop - 1} characters"
            )
        async with self._hashing:
            return await asyncio.to_thread(_HASHER.hash, password.encode(errors="surrogatepass"))

    async def _hash_of_nobody(self) -> str:
        if not self._nobody:
            self._nobody = await self._hash(secrets.token_urlsafe(16))
        return self._nobody


def _verify(known: str, password: str) -> bool:
    try:
        return _HASHER.verify(known, password.encode(errors="surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _check_name(name: str) -> None:
    if not (1 <= len(name) <= 64 and name.isprintable() and name == name.strip()):
        raise StoreError("user name must have 1 to 64 printable characters and no spaces around it")


def _user_of(row: Row[Any]) -> User:
    return User(
        name=row.name,
        display=row.display,
        roles=frozenset(map(Role, msgspec.json.decode(row.roles, type=list[str]))),
        organisation=OrgId(row.organisation),
        agent=AgentId(row.agent) if row.agent is not None else None,
        seats=tuple(map(SeatId, msgspec.json.decode(row.seats, type=list[str]))),
        see_numbers=row.see_numbers,
    )
