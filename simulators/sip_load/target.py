"""Which installations may be loaded: this machine, and those that were named for it."""

import ipaddress


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
    if number.is_multicast or number.is_unspecified:
        raise TargetRefused(f"{host} is no address of an installation")
    return host, int(port)
