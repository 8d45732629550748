"""The loop: facts in, router, commands out; the engine behind desks and screens."""

from callrouter.controller.clock import SteadyClock
from callrouter.controller.loop import Controller

__all__ = ["Controller", "SteadyClock"]
