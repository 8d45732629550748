"""A free port, and the phone of bare bytes by the name that these tests know it by."""

from callrouter.toolchain.ports import free_ports
from simulators.plain_phone import Dialog, Message, Phone

__all__ = ["Dialog", "Message", "Phone", "free_port"]


def free_port() -> int:
    """A port that nobody has at this moment, for TCP and UDP alike."""
    return free_ports(1)[0]
