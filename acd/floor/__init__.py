"""The floor: seats, queues and the decisions that join them.

`Floor` is a plain state machine: facts and wishes in, decisions and notices out,
time as an argument. It knows calls by id only.
"""

from acd.floor.machine import Floor

__all__ = ["Floor"]
