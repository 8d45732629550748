"""Who answers: seats with their phones and desks, partner lines.

Times in seconds, shares from 0 to 1.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from simulators.sip_load.people import Keys, Name, Number
from simulators.workload import Duration, Model, NotNegative, Positive, Share

PAYLOADS: Final = {"pcma": 8, "pcmu": 0, "g722": 9, "g729": 18}
"""Static RTP payload types (RFC 3551)."""
Password = Annotated[str, StringConstraints(pattern=r"^[^;\r\n]{1,128}$")]
"""SIPp reads its fields from lines with semicolons."""
Address = Annotated[str, StringConstraints(pattern=r"^([0-9.]{7,15}|\[[0-9a-fA-F:]{2,39}\]):[0-9]{1,5}$")]
"""host:port, an address and no name."""
Codec = Literal["pcma", "pcmu", "g722", "g729"]


class Shift(Model):
    """When seats are registered: from `begins` to `ends`, counted from the start of the run."""

    begins: NotNegative = 0.0
    ends: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ends <= self.begins:
            raise ValueError("a shift must end after it began")
        return self


class Accounts(Model):
    """Accounts ``PREFIXnnnn``: `count` of them from `first` on, all with one password."""

    prefix: Name
    first: Annotated[int, Field(ge=0)]
    count: Annotated[int, Field(gt=0, le=20_000)]
    password: Password


class Account(Model):
    user: Name
    password: Password


class Transfers(Model):
    """Seats that hand callers on: the keys of `code` with the line's number, then those of `complete`."""

    share: Share
    lines: Annotated[tuple[Number, ...], Field(min_length=1)]
    after: Duration = Duration(constant=5.0)
    """From the seat's answer to the first key."""
    consult: Duration = Duration(constant=5.0)
    """From the last key of `code` to the first of `complete`."""
    code: str = "*2{line}"
    complete: Keys = "*1"


class Desk(Model):
    """Agents at the installation's own desks: each account signs in at the seat of its name."""

    wrap_up: Duration = Duration(constant=1.0)
    """After a call, until wrap-up is finished; ``forever`` leaves it to the installation's deadline."""
    back_after: Duration = Duration(constant=5.0)
    """After the installation has made the seat not ready (a missed call), until it is ready again."""


class Answering(Model):
    """How whoever is rung behaves."""

    answer: Duration = Duration(constant=1.0)
    never_answers: Share = 0.0
    """Share of offers that are left to ring."""
    refuses: Share = 0.0
    """Share of offers that are refused at once, with `refusal`."""
    refusal: Literal[404, 480, 486, 488, 500, 503, 603] = 486
    codecs: Annotated[tuple[Codec, ...], Field(min_length=1)] = ("pcma",)
    """What their answers take; not of ``softphone`` seats."""
    leaves: Duration = Duration(forever=True)
    """From its answer until it hangs up, unless the caller has left before."""

    @model_validator(mode="after")
    def _offers(self) -> Self:
        if self.never_answers + self.refuses > 1 + 1e-9:
            raise ValueError("never_answers and refuses make more than 1 together. Lower one of them")
        return self


class Seats(Answering):
    """Phones that register and are rung."""

    name: Name = "seats"
    accounts: Accounts | Annotated[tuple[Account, ...], Field(min_length=1)] | Literal["yours"]
    """``yours``: the seats of a demo (`load run --demo`) that have no simulated phone."""
    kind: Literal["sipp", "softphone"] = "sipp"
    """``softphone``: real RTP, each with its own tone; at most 40 in a scenario."""
    audio: Literal["echo", "none"] = "echo"
    """Of ``sipp`` seats: send back what they hear, or nothing."""
    shifts: tuple[Shift, ...] = ()
    """None: all the time."""
    transfers: Transfers | None = None
    desk: Desk | None = None
    """Needs `target.desk`."""

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.kind == "softphone":
            for name in ("shifts", "transfers", "codecs", "audio"):
                if (
                    name in self.model_fields_set
                    and getattr(self, name) != type(self).model_fields[name].default
                ):
                    raise ValueError(f"{name}: only seats of kind sipp have this. Leave it out")
        return self

    @property
    def users(self) -> tuple[tuple[str, str], ...]:
        """(user, password) of each; none while ``yours`` have not been looked up."""
        if self.accounts == "yours":
            return ()
        if isinstance(self.accounts, Accounts):
            plan = self.accounts
            return tuple(
                (f"{plan.prefix}{number}", plan.password)
                for number in range(plan.first, plan.first + plan.count)
            )
        return tuple((account.user, account.password) for account in self.accounts)


class Partner(Answering):
    """A line outside: listens where the installation sends its calls."""

    line: Number
    listen: Address
    refusal: Literal[404, 480, 486, 488, 500, 503, 603] = 503

    @property
    def group(self) -> str:
        """Name of its process and of its offers."""
        return f"partner-{self.line}"
