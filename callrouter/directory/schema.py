"""``site/directory.yaml`` as engineers write it."""

from datetime import date
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Number = Annotated[str, Field(pattern=r"^[0-9]{3,15}$")]
AreaCode = Annotated[str, Field(pattern=r"^0[0-9]{2,3}$")]
Title = Annotated[str, Field(min_length=1, max_length=60)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,39}$")]
HeaderValue = Annotated[str, Field(max_length=200, pattern=r"^[\x20-\x7e]*$")]

Item = TypeVar("Item")
LineKind = Literal["hotline", "prefecture", "emergency"]
Mode = Literal["FULL_MERGE", "DUAL_NUMBER", "SUB_CENTER"]


def _some(values: tuple[Item, ...]) -> tuple[Item, ...]:
    # min_length would complain a second time whenever an item is wrong.
    if not values:
        raise ValueError("the list is empty. Give at least one")
    return values


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class _Dated(_Part):
    """Valid from the beginning of `from` until the end of `until`; either may be left open."""

    begins: date | None = Field(default=None, alias="from")
    """First day."""
    until: date | None = None
    """Last day."""

    @model_validator(mode="after")
    def _forward(self) -> "_Dated":
        if self.begins and self.until and self.until < self.begins:
            raise ValueError(f"`until` {self.until} lies before `from` {self.begins}. Swap them")
        return self


class OrganisationEntry(_Part):
    """The province, a prefecture or a department."""

    name: Title
    """Shown on screens and in reports."""
    parent: Name | None = None
    """The organisation above; none for the province."""
    areas: tuple[AreaCode, ...] = ()
    """Area codes that belong to it."""


class TrunkEntry(_Part):
    """A way into the telephone network or to partners. Where none is written, the settings say it."""

    name: Title
    """For people."""
    proxy: str = Field(default="", pattern=r"^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])?(:[0-9]{1,5})?$")
    """`host:port` that calls are sent to."""
    addresses: tuple[Annotated[str, Field(pattern=r"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$")], ...] = ()
    """Addresses that its calls come from."""
    transport: Literal["udp", "tcp"] = "udp"
    """What SIP travels by."""
    codecs: Annotated[tuple[Literal["alaw", "ulaw", "g722"], ...], AfterValidator(_some)] = ("alaw", "ulaw")
    """In order of preference."""
    user: str = Field(default="", max_length=60, pattern=r"^[A-Za-z0-9_.@+-]*$")
    """User for its digest challenges; the password is in the settings."""
    numbers: Literal["national", "e164"] = "national"
    """How numbers are written on it: 097112345, or +8697112345."""
    prefix: str = Field(default="", pattern=r"^[0-9*#]{0,8}$")
    """Dialled before every number."""
    user_phone: bool = False
    """Add ;user=phone to URIs."""
    user_to_user: bool = True
    """Send the call's id as RFC 7433 User-to-User."""
    history: bool = True
    """Tell where the caller has been, as Diversion (RFC 5806) and History-Info (RFC 7044)."""
    capacity: int = Field(default=0, ge=0, le=100_000)
    """Calls at a time; 0: no limit of ours."""
    refer: bool = False
    """Heed its REFER: partners who may hand a caller back to us by it."""
    options: int = Field(default=10, ge=0, le=3600)
    """Seconds between OPTIONS that tell whether it lives; 0: none."""


class LineEntry(_Dated):
    """What a line is during one stretch of time."""

    mode: Mode | None = None
    """How a hotline is integrated."""
    trunks: tuple[Name, ...] = ()
    """Ways to it, tried in order."""
    dial: Number | None = None
    """Number dialled on the trunk when it isn't the line's own."""
    ring_for: float = Field(default=25, ge=5, le=180, allow_inf_nan=False)
    """Seconds until an unanswered attempt is given up."""
    capacity: int = Field(default=0, ge=0, le=100_000)
    """Calls that it takes at a time; 0: no limit known."""
    hours: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{0,39})?$")
    """A calendar of `site/calendar*.yaml`; none: day and night."""
    backup: Number | None = None
    """The line that is tried when this one can't be reached."""
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    """SIP headers sent with every call to it."""
    organisation: Name | None = None
    """Who answers for the calls of a merged number."""
    flow: Name | None = None
    """The flow that a merged number enters."""


class LineModel(_Part):
    """A number one key away, or one that was merged into 12345."""

    name: Title
    """On the desk's key."""
    kind: LineKind = "hotline"
    """Emergency lines go first, by a trunk of their own, and are never refused."""
    topics: tuple[Title, ...] = ()
    """What a caller speaks of who should be handed there."""
    entries: Annotated[tuple[LineEntry, ...], AfterValidator(_some)] = Field(max_length=50)
    """By time; days that no entry covers: the line doesn't exist."""


class IngressEntry(_Dated):
    """Numbers that callers dial to reach us."""

    numbers: Annotated[tuple[Number, ...], AfterValidator(_some)]
    """As they are dialled, area codes included."""
    trunks: tuple[Name, ...] = ()
    """Only for calls of these trunks; such an entry goes before one without."""
    organisation: Name
    """Whose call it is."""
    flow: Name
    """Where it begins."""


class DirectoryFile(_Part):
    """Organisations, trunks, lines, and the numbers that we answer."""

    organisations: dict[Name, OrganisationEntry] = Field(min_length=1)
    """The tree: the province, its prefectures, departments; by a short name of your own."""
    trunks: dict[Name, TrunkEntry] = Field(min_length=1)
    """Ways into the telephone network and to partners, by a short name of your own."""
    ingress: Annotated[tuple[IngressEntry, ...], AfterValidator(_some)]
    """What callers dial to reach us, and where such a call begins."""
    lines: dict[Number, LineModel] = Field(default_factory=dict)
    """Who is one key away, by number."""
