"""What a flow session leaves behind while its caller speaks with a person, for the process after this one."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPlace:
    """A flow, a node of it, and the variables as they stood there; secret ones are left out."""

    flow: str
    node: str
    variables: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSession:
    """Where the caller was handed over; `within` are the places to return to, the outermost first."""

    version: str
    """Of the flow set that the call began with."""
    root: str
    language: str
    at: KeptPlace
    within: tuple[KeptPlace, ...]
    steps: int
    last_resort: int
