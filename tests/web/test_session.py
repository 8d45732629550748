import asyncio

from callrouter.ports import SignedIn
from callrouter.web.models import Me, Session
from tests.web.conftest import World


async def test_sign_in_gives_a_token_that_works_until_sign_out(world: World) -> None:
    async with world.client() as client:
        reply = await client.post("/api/v1/sign-in", json={"user": "agent1", "password": "secret-agent1"})
        session = Session.model_validate(reply.json())
        client.headers["Authorization"] = f"Bearer {session.token}"
        mine = Me.model_validate((await client.get("/api/v1/me")).json())
        assert (mine.user, mine.seats, mine.roles) == ("agent1", ["s1", "s2"], ["agent"])
        assert (await client.post("/api/v1/sign-out")).status_code == 204
        gone = await client.get("/api/v1/me")
    assert gone.status_code == 401
    assert gone.json()["reason"] == "not_signed_in"
    assert ("agent1", "sign_in", "agent1") in world.audit.actions()


async def test_wrong_password_and_unknown_user_look_alike(world: World) -> None:
    async with world.client() as client:
        wrong = await client.post("/api/v1/sign-in", json={"user": "agent1", "password": "guess"})
        unknown = await client.post("/api/v1/sign-in", json={"user": "nobody", "password": "guess"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content
    assert "guess" not in wrong.text


async def test_guessing_is_slowed_for_the_user_at_that_address_only(world: World) -> None:
    async with world.client() as client:
        for _ in range(world.settings.failures_per_user):
            await client.post("/api/v1/sign-in", json={"user": "agent1", "password": "guess"})
        blocked = await client.post("/api/v1/sign-in", json={"user": "agent1", "password": "secret-agent1"})
        other = await client.post("/api/v1/sign-in", json={"user": "agent2", "password": "secret-agent2"})
        world.clock.at += 61
        again = await client.post("/api/v1/sign-in", json={"user": "agent1", "password": "secret-agent1"})
    assert blocked.status_code == 429
    assert 0 < int(blocked.headers["Retry-After"]) <= 60
    assert (other.status_code, again.status_code) == (200, 200)


async def test_guessing_over_many_users_is_slowed_for_the_address(world: World) -> None:
    async with world.client() as client:
        for number in range(world.settings.failures_per_address):
            await client.post("/api/v1/sign-in", json={"user": f"u{number}", "password": "guess"})
        blocked = await client.post("/api/v1/sign-in", json={"user": "agent2", "password": "secret-agent2"})
    assert blocked.status_code == 429


async def test_a_crowd_signing_in_is_bounded(world: World) -> None:
    gate = asyncio.Event()

    async def slow(name: str, password: str) -> SignedIn | None:
        await gate.wait()
        return None

    world.accounts.sign_in = slow  # type: ignore[method-assign]
    limit = world.settings.sign_ins_waiting
    async with world.client() as client:

        async def enter(number: int) -> int:
            body = {"user": f"u{number}", "password": "x"}
            return (await client.post("/api/v1/sign-in", json=body)).status_code

        tasks = [asyncio.create_task(enter(number)) for number in range(limit + 3)]
        done, _ = await asyncio.wait(tasks, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 3:
            done, _ = await asyncio.wait(tasks, timeout=0.05)
        assert {task.result() for task in done} == {503}
        gate.set()
        assert (await asyncio.gather(*tasks)).count(401) == limit


async def test_misspelt_and_missing_fields_are_named_without_echoing_them(world: World) -> None:
    async with world.client() as client:
        reply = await client.post("/api/v1/sign-in", json={"user": "agent1", "pasword": "secret-agent1"})
        text = await client.post("/api/v1/sign-in", content=b"{nonsense")
    assert reply.status_code == text.status_code == 422
    assert {fault["where"] for fault in reply.json()["faults"]} == {"body/password", "body/pasword"}
    assert "secret-agent1" not in reply.text
    assert "nonsense" not in text.text


async def test_requests_without_a_token_are_refused_everywhere(world: World) -> None:
    public = {"/healthz", "/readyz", "/metrics", "/api/v1/sign-in"}
    app = world.app()
    async with world.client() as client:
        for path, methods in app.openapi()["paths"].items():
            if path in public:
                continue
            for method in methods:
                reply = await client.request(
                    method,
                    path.format(
                        seat="s1",
                        call="c1",
                        callback="b1",
                        message="m1",
                        version="v1",
                        recording="r1",
                        name="province.yaml",
                    ),
                )
                assert (path, reply.status_code) == (path, 401)
                assert reply.headers["WWW-Authenticate"] == "Bearer"
