from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from tests.web.conftest import World


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "LOCALHOST", "[::1]:8080"])
async def test_own_names_are_answered(world: World, host: str) -> None:
    async with world.client() as client:
        assert (await client.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil:80", "", "[::2]", "127.0.0.1@evil"]
)
async def test_other_names_are_not(world: World, host: str) -> None:
    async with world.client() as client:
        reply = await client.get("/healthz", headers={"Host": host})
    assert (reply.status_code, reply.json()["reason"]) == (400, "unknown_host")


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://127.0.0.1", 200), ("http://evil.example", 403), ("null", 403), ("http://127.0.0.1:81", 403)],
)
async def test_pages_of_other_origins_are_refused(world: World, origin: str, status: int) -> None:
    async with world.client() as client:
        assert (await client.get("/healthz", headers={"Origin": origin})).status_code == status


async def test_no_cross_origin_reading(world: World) -> None:
    async with world.client() as client:
        reply = await client.get("/healthz", headers={"Origin": "http://127.0.0.1"})
    assert not any(name.startswith("access-control") for name in reply.headers)


async def test_announced_and_unannounced_large_bodies(world: World) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 8192

    async with world.client() as client:
        announced = await client.post("/api/v1/sign-in", content=b"x" * 100_000)
        unannounced = await client.post("/api/v1/sign-in", content=stream())
    assert (announced.status_code, unannounced.status_code) == (413, 413)
    assert unannounced.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("length", ["-1", "1e3", "０", "x"])
async def test_lengths_that_are_none(world: World, length: str) -> None:
    async with world.client() as client:
        headers = [(b"Host", b"127.0.0.1"), (b"Content-Length", length.encode())]
        reply = await client.request("GET", "/healthz", headers=headers)
    assert reply.status_code == 400


async def test_safe_headers_everywhere(world: World) -> None:
    async with world.client() as client:
        for path in ("/", "/healthz", "/api/v1/me", "/nothing", "/api/openapi.json"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert (headers.get("cache-control") == "no-store") == path.startswith("/api/")


async def test_errors_of_the_framework_are_problem_documents_too(world: World) -> None:
    async with world.client() as client:
        missing = await client.get("/nothing")
        method = await client.delete("/healthz")
    assert (missing.status_code, missing.json()["reason"]) == (404, "not_found")
    assert (method.status_code, method.json()["reason"]) == (405, "method_not_allowed")


async def test_a_defect_is_told_without_details(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("number 13812345678")

    monkeypatch.setattr(world.engine, "snapshot", broken)
    with capture_logs() as logs:
        async with world.client("boss") as client:
            reply = await client.get("/api/v1/seats")
    assert (reply.status_code, reply.json()["reason"]) == (500, "internal_error")
    assert [(line["event"], line["path"]) for line in logs] == [("defect in the API", "/api/v1/seats")]
    assert "138" not in reply.text
