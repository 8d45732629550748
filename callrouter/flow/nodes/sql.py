"""`sql`: ask a database."""

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from pydantic import Field, model_validator

from callrouter.flow.frame import Frame
from callrouter.flow.node import Source, Typed
from callrouter.flow.nodes.looking_up import LookingUp

_NAMED: Final = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_TEXT: Final = re.compile(r"'(?:[^']|'')*'")


class Sql(LookingUp):
    """Ask a database that the settings know by name. `answer` is a list of rows, each a map."""

    verb: ClassVar[str] = "sql"
    example: ClassVar[str] = """
        regular:
          sql:
            database: customers
            query: SELECT seat FROM regulars WHERE number = :number
            parameters: {number: caller}
            into: {known_seat: "answer[0].seat"}
            next: greet
            not_found: seat
            failed: seat
    """

    database: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,47}$")
    """The database's name in the settings (`lookups:`)."""
    query: str = Field(max_length=4000)
    """One SELECT. Values come in as `:name`, never by joining text."""
    parameters: dict[str, Source] = Field(default_factory=dict, max_length=40)
    """An expression for each `:name`."""

    @model_validator(mode="after")
    def _one_select(self) -> "Sql":
        text = _TEXT.sub("''", self.query).strip().rstrip(";")
        if not re.match(r"(?i)(select|with)\b", text):
            raise ValueError("only SELECT is allowed here. Let a web service make changes")
        if ";" in text:
            raise ValueError("more than one statement. Write one SELECT")
        named = set(_NAMED.findall(text))
        if missing := sorted(named - set(self.parameters)):
            raise ValueError(f"no value for :{missing[0]}. Add it under `parameters:`")
        if spare := sorted(set(self.parameters) - named):
            raise ValueError(f"parameter {spare[0]!r} does not occur in the query. Write it as :{spare[0]}")
        return self

    def request(self, frame: Frame) -> Mapping[str, object]:
        values = {name: frame.evaluate(source) for name, source in self.parameters.items()}
        return {"database": self.database, "query": self.query, "parameters": values}

    def is_empty(self, answer: object) -> bool:
        return not answer

    def expressions(self) -> Iterator[Typed]:
        for name, source in self.parameters.items():
            yield Typed(source, "", ("parameters", name))
