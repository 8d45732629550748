"""`http`: ask a web service."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import quote

from pydantic import Field

from callrouter.flow.frame import Frame
from callrouter.flow.node import Source, Typed
from callrouter.flow.nodes.looking_up import LookingUp

_PLACEHOLDER: Final = re.compile(r"\{([^{}]+)\}")


class Http(LookingUp):
    """Ask a web service for JSON. The settings know it by name; address and secrets stay there."""

    verb: ClassVar[str] = "http"
    example: ClassVar[str] = """
        look_up:
          http:
            service: orders
            path: /orders/{order}
            prompt: progress_looking_up
            timeout: 3
            into: {state: answer.state}
            next: tell
            not_found: unknown_order
            failed: seat
    """

    service: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,47}$")
    """The service's name in the settings (`lookups:`)."""
    method: Literal["GET", "POST", "PUT"] = "GET"
    """The HTTP method."""
    path: Annotated[str, Field(pattern=r"^/[^?#\s]*$", max_length=500)]
    """The path below the service's address; `{expression}` stands for a value, as in /orders/{order}."""
    query: dict[str, Source] = Field(default_factory=dict, max_length=40)
    """Query parameters, each an expression."""
    body: dict[str, Source] = Field(default_factory=dict, max_length=40)
    """Members of the JSON object that is sent, each an expression."""

    def request(self, frame: Frame) -> Mapping[str, object]:
        path = _PLACEHOLDER.sub(lambda found: quote(str(frame.evaluate(found[1])), safe=""), self.path)
        return {
            "service": self.service,
            "method": self.method,
            "path": path,
            "query": {name: _parameter(frame.evaluate(source)) for name, source in self.query.items()},
            "body": {name: frame.evaluate(source) for name, source in self.body.items()},
        }

    def is_empty(self, answer: object) -> bool:
        return answer is None

    def expressions(self) -> Iterator[Typed]:
        for found in _PLACEHOLDER.finditer(self.path):
            yield Typed(found[1], "", ("path",))
        for part in ("query", "body"):
            for name, source in getattr(self, part).items():
                yield Typed(source, "", (part, name))


def _parameter(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
