"""Which installations may be loaded: this machine, and those that were named for it."""

import asyncio
import contextlib
import ipaddress
import secrets
import socket
from typing import Final

LISTEN_SECONDS: Final = 1.5
"""How long a target may take to say that it is there."""
ASK_AGAIN: Final = 0.5
"""T1 (RFC 3261)."""


class TargetRefused(Exception):
    """The scenario's target may not be loaded from here; the text says why and what to do."""


def check_target(address: str, allowed: tuple[str, ...] = ()) -> tuple[str, int]:
    """(host, port) of "host:port" when it is loopback or named in `allowed`.

    Only literal addresses: a name could lead anywhere. Raises TargetRefused.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        number = ipaddress.ip_address(host)
        if not 0 < int(port) < 65536:
            raise ValueError
    except ValueError:
        raise TargetRefused(
            f"{address!r} is no target: write an IP address and a port, 127.0.0.1:5060"
        ) from None
    if not number.is_loopback and host not in allowed:
        raise TargetRefused(
            f"{host} is not this machine: load is sent to loopback only. If that installation is yours "
            f"and may be loaded, say so with --allow-target {host}"
        )
    if number.is_multicast or number.is_unspecified or host == "255.255.255.255":
        raise TargetRefused(f"{host} is no address of an installation")
    return host, int(port)


class NobodyListens(Exception):
    """Nothing is bound to the target's address; the text says what to do."""


def own_address(sip: str) -> str:
    """This machine's address on the way to `sip` ("host:port"). Raises NobodyListens when there is no way."""
    host, port = _parts(sip)
    if host.startswith("127."):
        return host
    with _towards(host, port) as way:
        return str(way.getsockname()[0])


async def ask(sip: str, patience: float = LISTEN_SECONDS) -> None:
    """Ask once by OPTIONS who is there, before a crowd is sent.

    Raises NobodyListens when the machine says that nothing is bound there. Silence raises nothing:
    some installations answer no OPTIONS of strangers.
    """
    host, port = _parts(sip)
    loop = asyncio.get_running_loop()
    with _towards(host, port) as way:
        way.setblocking(False)
        own, number = way.getsockname()[:2]
        here = f"[{own}]:{number}" if ":" in own else f"{own}:{number}"
        sign = secrets.token_hex(8)
        request = (
            f"OPTIONS sip:{sip} SIP/2.0\r\nVia: SIP/2.0/UDP {here};rport;branch=z9hG4bK-{sign}\r\n"
            f"From: <sip:load@{here}>;tag={sign}\r\nTo: <sip:{sip}>\r\nCall-ID: {sign}\r\n"
            f"CSeq: 1 OPTIONS\r\nContact: <sip:load@{here}>\r\nMax-Forwards: 70\r\n"
            "User-Agent: callrouter-load\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        end = loop.time() + patience
        try:
            while loop.time() < end:
                await loop.sock_sendall(way, request)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ASK_AGAIN):
                        await loop.sock_recv(way, 2048)
                        return
        except OSError as error:
            raise NobodyListens(
                f"nothing listens at {sip} ({error.strerror}): is the installation running, "
                "and is this its SIP port (UDP)?"
            ) from None


def _parts(sip: str) -> tuple[str, int]:
    host, _, port = sip.rpartition(":")
    return host.strip("[]"), int(port)


def _towards(host: str, port: int) -> socket.socket:
    way = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        way.connect((host, port))
    except OSError as error:
        way.close()
        raise NobodyListens(
            f"{host} cannot be reached from here: {error.strerror}. Check the address"
        ) from None
    return way
