"""The desk page, served from the package: no build, nothing from elsewhere."""

from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Response

_TYPES: Final = {
    "desk.html": "text/html; charset=utf-8",
    "desk.css": "text/css; charset=utf-8",
    "desk.js": "text/javascript; charset=utf-8",
    "lines.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "messages.js": "text/javascript; charset=utf-8",
    "service.js": "text/javascript; charset=utf-8",
    "words.js": "text/javascript; charset=utf-8",
}

router = APIRouter(include_in_schema=False)


@cache
def _content(name: str) -> bytes:
    return files("callrouter.web").joinpath("desk", name).read_bytes()


def _page(name: str) -> Response:
    return Response(_content(name), media_type=_TYPES[name], headers={"Cache-Control": "no-cache"})


@router.get("/")
async def desk() -> Response:
    return _page("desk.html")


@router.get("/desk.css")
async def desk_style() -> Response:
    return _page("desk.css")


@router.get("/desk.js")
async def desk_script() -> Response:
    return _page("desk.js")


@router.get("/lines.js")
async def lines_script() -> Response:
    return _page("lines.js")


@router.get("/live.js")
async def live_script() -> Response:
    return _page("live.js")


@router.get("/messages.js")
async def messages_script() -> Response:
    return _page("messages.js")


@router.get("/words.js")
async def words_script() -> Response:
    return _page("words.js")


@router.get("/service.js")
async def service_script() -> Response:
    return _page("service.js")
