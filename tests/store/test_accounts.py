import time
from pathlib import Path

import pytest
from sqlalchemy import text

from acd.ids import AgentId, OrgId, SeatId
from callrouter.ports import Role, SignedIn
from callrouter.store import accounts as accounts_module
from callrouter.store.accounts import StoredAccounts
from callrouter.store.database import Database, StoreError
from tests.store.samples import T0

PASSWORD = "correct horse 电池"


class Watch:
    def __init__(self) -> None:
        self.at = T0

    def now(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Watch:
    return Watch()


@pytest.fixture
async def accounts(database: Database, clock: Watch) -> StoredAccounts:
    found = StoredAccounts(database, clock)
    await found.create(
        "a1",
        PASSWORD,
        roles=[Role.AGENT],
        organisation=OrgId("qinghai"),
        agent=AgentId("agent-1"),
        seats=[SeatId("s1")],
    )
    return found


async def signed_in(accounts: StoredAccounts) -> SignedIn:
    found = await accounts.sign_in("a1", PASSWORD)
    assert found is not None
    return found


async def test_right_password_gives_a_token_and_the_token_the_user(accounts: StoredAccounts) -> None:
    found = await signed_in(accounts)
    user = await accounts.user_of(found.token)
    assert user is not None
    assert (user.name, user.agent, user.seats) == ("a1", "agent-1", ("s1",))
    assert user.roles == {Role.AGENT}
    assert not user.see_numbers


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("a1", "wrong password"),
        ("nobody", PASSWORD),
        ("a1", ""),
        ("a1", "x" * 10**6),
        ("\ud800", "\ud800" * 9),
    ],
)
async def test_anything_else_gives_nothing(accounts: StoredAccounts, name: str, password: str) -> None:
    assert await accounts.sign_in(name, password) is None


async def test_only_digests_are_stored(accounts: StoredAccounts, database: Database) -> None:
    found = await signed_in(accounts)
    async with database.read() as connection:
        stored = str((await connection.execute(text("SELECT * FROM tokens"))).all())
        users = str((await connection.execute(text("SELECT * FROM users"))).all())
    assert found.token not in stored
    assert PASSWORD not in users
    assert "$argon2id$" in users


async def test_tokens_expire(accounts: StoredAccounts, clock: Watch) -> None:
    found = await signed_in(accounts)
    clock.at = found.expires - 1
    assert await accounts.user_of(found.token) is not None
    clock.at = found.expires
    assert await accounts.user_of(found.token) is None


async def test_sign_out_revokes_at_once(accounts: StoredAccounts) -> None:
    found = await signed_in(accounts)
    await accounts.sign_out(found.token)
    assert await accounts.user_of(found.token) is None
    await accounts.sign_out("unknown")


async def test_disabling_from_another_process_ends_tokens_soon(
    accounts: StoredAccounts, database: Database, clock: Watch
) -> None:
    found = await signed_in(accounts)
    assert await StoredAccounts(database, clock).set_disabled("a1", True)
    clock.at += accounts_module.FRESH_FOR
    assert await accounts.user_of(found.token) is None
    assert await accounts.sign_in("a1", PASSWORD) is None
    assert not await accounts.set_disabled("nobody", True)


async def test_a_new_password_ends_old_tokens(accounts: StoredAccounts) -> None:
    found = await signed_in(accounts)
    await accounts.create("a1", "another password", roles=[Role.AGENT])
    assert await accounts.user_of(found.token) is None
    assert await accounts.sign_in("a1", "another password") is not None


async def test_desks_go_on_while_the_database_is_away(
    accounts: StoredAccounts, database: Database, clock: Watch
) -> None:
    found = await signed_in(accounts)
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE tokens RENAME TO gone"))
    clock.at += 60
    assert await accounts.user_of(found.token) is not None
    assert await accounts.user_of("forged") is None
    clock.at = found.expires
    assert await accounts.user_of(found.token) is None


async def test_tokens_of_a_user_are_bounded(
    accounts: StoredAccounts, database: Database, clock: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts_module, "TOKENS_PER_USER", 3)
    for _ in range(5):
        clock.at += 1
        newest = await signed_in(accounts)
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM tokens"))).scalar_one() == 3
    assert await accounts.user_of(newest.token) is not None


async def test_unknown_names_take_as_long_as_wrong_passwords(accounts: StoredAccounts) -> None:
    await accounts.sign_in("nobody", "wrong password")

    async def took(name: str) -> float:
        began = time.perf_counter()
        await accounts.sign_in(name, "wrong password")
        return time.perf_counter() - began

    pairs = [(await took("a1"), await took("nobody")) for _ in range(8)]
    # The quickest of each: a busy machine only ever adds.
    known, unknown = (min(times) for times in zip(*pairs, strict=True))
    assert 0.5 < known / unknown < 2


@pytest.mark.parametrize("name", ["", " a", "x" * 65, "a\nb"])
async def test_bad_names_are_refused(accounts: StoredAccounts, name: str) -> None:
    with pytest.raises(StoreError, match="user name"):
        await accounts.create(name, PASSWORD, roles=[Role.AGENT])


async def test_short_passwords_are_refused(accounts: StoredAccounts) -> None:
    with pytest.raises(StoreError, match="8 to 128"):
        await accounts.create("a2", "short", roles=[Role.AGENT])


async def test_users_are_listed(accounts: StoredAccounts, tmp_path: Path) -> None:
    await accounts.set_disabled("a1", True)
    assert [(user.name, disabled) for user, disabled in await accounts.users()] == [("a1", True)]
