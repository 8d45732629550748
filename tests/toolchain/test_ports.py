import socket

import pytest

from callrouter.toolchain import ports
from callrouter.toolchain.errors import ToolchainError


def test_they_differ_can_be_had_and_are_not_the_systems_own() -> None:
    found = ports.free_ports(20)
    assert len(set(found)) == 20
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    assert max(found) < first
    for port in found:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as one:
                one.bind(("127.0.0.1", port))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.3"])
def test_a_port_that_somebody_has_is_not_free(
    kind: int, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = ("127.0.0.1", "127.0.0.3")
    taken, free = ports.free_ports(2, both)
    monkeypatch.setattr(ports, "RANGE", range(taken, taken + 1))
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind((address, taken))
        assert not ports.is_free(taken, both)
        assert ports.is_free(free, both)
        with pytest.raises(ToolchainError, match="only 0 of 1 ports"):
            ports.free_ports(1, both)
