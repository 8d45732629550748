"""The desk page's files: all that it names is served, and no file is left out."""

import re
from importlib.resources import files

from tests.web.conftest import World


async def test_all_that_the_page_names_is_served(world: World) -> None:
    async with world.client() as client:
        wanted, seen = {"/"}, set[str]()
        while wanted - seen:
            path = (wanted - seen).pop()
            seen.add(path)
            reply = await client.get(path)
            assert reply.status_code == 200, path
            kind = {"js": "text/javascript", "css": "text/css"}.get(path.rpartition(".")[2], "text/html")
            assert reply.headers["content-type"].startswith(kind), path
            wanted |= set(re.findall(r"""(?:src|href|from)[= ]"(/[\w.]+)\"""", reply.text))
    names = {one.name for one in files("callrouter.web").joinpath("desk").iterdir()}
    assert seen == {"/"} | {f"/{name}" for name in names if name != "desk.html"}


async def test_sounds_may_be_played_and_nothing_foreign_loaded(world: World) -> None:
    async with world.client() as client:
        policy = (await client.get("/")).headers["content-security-policy"]
    assert "media-src blob:" in policy
    assert "default-src 'none'" in policy
    assert "http" not in policy
