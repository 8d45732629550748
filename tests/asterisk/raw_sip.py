"""A free port, and the phone of bare bytes by the name that these tests know it by."""

import socket

from simulators.plain_phone import Dialog, Message, Phone

__all__ = ["Dialog", "Message", "Phone", "free_port"]


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody has at this moment, for TCP and UDP alike."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
