"""Populations of callers: when they come, what they press, say and put up with.

Times in seconds, shares from 0 to 1.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from simulators.workload import Arrivals, Duration, Model, Share

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]
Number = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9*#+_.-]{1,40}$")]
Headers = dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z-]{1,40}$")], str]
Keys = Annotated[str, StringConstraints(pattern=r"^[0-9*#A-D]{1,24}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[a-z0-9]{2,8})*$")]


class Choice(Model):
    """Keys that a share of the callers press, and where that should lead them."""

    keys: Keys
    share: Share
    after: Duration = Duration(constant=2.0)
    """From the system's answer to the first key."""
    language: Language | None = None
    """What they speak, when it is not the population's language: figures are told by language."""
    seats: tuple[str, ...] = ()
    """Seats (``a1001``) or their beginnings (``a1*``) that may take these callers; none: any."""


class Redial(Model):
    """Callers who try again after a refusal or after giving up."""

    chance: Share
    after: Duration
    at_most: Annotated[int, Field(ge=1, le=100)] = 2


class Hammer(Model):
    """Abusive callers: keys at random, one after another, whatever they are told."""

    share: Share = 1.0
    """Of the population."""
    keys: Annotated[int, Field(ge=1, le=1000)] = 50
    every: Annotated[float, Field(ge=0.05, le=10)] = 0.1
    """Between two keys."""
    after: Duration = Duration(constant=0.2)
    """From the system's answer to the first key."""


class Callers(Model):
    """A population: arrivals and behaviour."""

    name: Name
    dial: Number | tuple[Number, ...]
    """One number, or several that are dialled equally often."""
    arrivals: Arrivals
    talk: Duration
    """From the seat's or partner's answer (from the system's when none are simulated) until hanging up."""
    patience: Duration = Duration(forever=True)
    """From dialling until the caller gives up, unless a person has answered."""
    language: Language = "zh"
    """What they speak."""
    audio: Literal["none", "speech"] = "none"
    """``speech``: 50 RTP packets a second from the answer on; ``none``: silent callers, who send nothing."""
    redial: Redial | None = None
    hammer: Hammer | None = None
    """The share of it presses no keys of `choices`."""
    choices: tuple[Choice, ...] = ()
    seats: tuple[str, ...] = ()
    """As `Choice.seats`, for callers who press nothing."""
    prefix: Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{1,10}$")] = "139"
    """Beginning of their numbers; the rest makes each unique."""
    headers: Headers = Field(default_factory=dict)

    @property
    def numbers(self) -> tuple[str, ...]:
        return (self.dial,) if isinstance(self.dial, str) else self.dial

    @model_validator(mode="after")
    def _shares(self) -> Self:
        total = sum(choice.share for choice in self.choices)
        if total > 1 + 1e-9:
            raise ValueError(f"the shares of choices add up to {total:g}. They may make 1 at most")
        if isinstance(self.dial, tuple) and not self.dial:
            raise ValueError("dial: an empty list. Give the number that they dial")
        for name, value in self.headers.items():
            if any(sign in value for sign in "\r\n;[]") or len(value) > 500:
                raise ValueError(f"header {name}: no line breaks, ';' or brackets, 500 characters at most")
        return self
