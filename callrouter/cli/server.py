"""Which running server a command speaks to, and as whom."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from callrouter.cli.state import StateDir, default_state_dir, fail, ready_line

if TYPE_CHECKING:
    from callrouter.cli.live_client import LiveClient, Login

    Server = tuple[str, Login]

T = TypeVar("T")

Url = Annotated[str | None, typer.Option(metavar="URL", help="The server, e.g. http://127.0.0.1:8345.")]
Token = Annotated[
    str | None, typer.Option(envvar="CALLROUTER_TOKEN", help="Bearer token; better in the environment.")
]
User = Annotated[
    str | None, typer.Option(help="Sign in as this user; the password comes from standard input.")
]


def chosen_server(url: str | None, token: str | None, user: str | None, state_dir: StateDir) -> "Server":
    """The server named, or the demo's with its supervisor; ends the command when there is none."""
    from callrouter.cli.live_client import Login

    if url is not None:
        if not url.startswith(("http://", "https://")):
            fail(f"--url {url!r} is no address: write it like http://127.0.0.1:8345")
        if token:
            return url, Login(token=token)
        if user:
            return url, Login(user=user, password=_password())
        fail("give --token (or CALLROUTER_TOKEN) or --user with --url")
    line = ready_line(state_dir or default_state_dir())
    try:
        found = line["logins"]["supervisor"]
        login = found[0] if isinstance(found, list) else found
        return str(line["http"]), Login(token=token or "", user=login["user"], password=login["password"])
    except (KeyError, IndexError, TypeError):
        fail("the demo's ready line names no supervisor: give --url and --token")


def asked(work: "Callable[[LiveClient], Coroutine[Any, Any, T]]", server: "Server") -> T:
    """What `work` finds out; ends the command when the server does not do it."""
    from callrouter.cli.live_client import LiveClient, NotAllowed, Unreachable

    try:
        return asyncio.run(work(LiveClient(*server)))
    except (NotAllowed, Unreachable) as error:
        fail(str(error))


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True))
    return sys.stdin.readline().rstrip("\r\n")
