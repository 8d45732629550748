"""Ports for servers that say nothing of their own about where they listen."""

import random
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from callrouter.toolchain.errors import ToolchainError

RANGE: Final = range(5100, 10_000)
"""Below those that the system deals out: between our look and a server's start nobody is given one."""
_TRIES: Final = 2000


def free_ports(count: int, addresses: Sequence[str] = ("127.0.0.1",)) -> list[int]:
    """Different ports that nobody has at this moment, TCP and UDP, on each of the addresses.

    Raises ToolchainError when there are too few.
    """
    found: list[int] = []
    chance = random.SystemRandom()
    for _ in range(_TRIES):
        port = chance.choice(RANGE)
        if port not in found and is_free(port, addresses):
            found.append(port)
            if len(found) == count:
                return found
    raise ToolchainError(
        f"only {len(found)} of {count} ports between {RANGE.start} and {RANGE.stop - 1} are free: "
        "stop what uses them, or name ports"
    )


def is_free(port: int, addresses: Sequence[str] = ("127.0.0.1",)) -> bool:
    """Whether nobody has this port now, neither for TCP nor for UDP."""
    with ExitStack() as stack:
        for address in addresses:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
                if kind == socket.SOCK_STREAM:
                    # Connections that are being forgotten do not count: servers are told the same.
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                except OSError:
                    return False
    return True
