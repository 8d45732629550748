"""The verbs of the flow language, one a file."""

from collections.abc import Mapping
from typing import Final

from callrouter.flow.node import Node
from callrouter.flow.nodes.hangup import Hangup
from callrouter.flow.nodes.menu import Menu
from callrouter.flow.nodes.play import Play
from callrouter.flow.nodes.queue import Queue

VERBS: Final[Mapping[str, type[Node]]] = {kind.verb: kind for kind in (Play, Menu, Queue, Hangup)}
"""Every verb by its YAML key."""
