"""Typed settings: a YAML file, then environment variables on top; unknown names are refused.

``CALLROUTER_HTTP__PORT=8080`` sets ``http: {port: 8080}``: the prefix, then the
path with ``__`` between its steps. Passwords may stand in files of their own
(``ari_password_file``), so that they are in no process list and in no backup of
the settings.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from callrouter.config.document import ConfigError, Document, Fault, parse, read_document
from callrouter.config.validation import did_you_mean, in_words

PREFIX: Final = "CALLROUTER_"
OUTSIDE: Final = ("CALLROUTER_CACHE", "CALLROUTER_STATE_DIR", "CALLROUTER_CONFIG")
"""Variables with our prefix that are not settings."""

Port = Annotated[int, Field(ge=1, le=65535)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Node(_Strict):
    """One Asterisk: where its ARI and AMI answer."""

    name: str = Field("main", pattern=r"^[a-z][a-z0-9-]{0,30}$")
    """Its name in records, logs and metrics."""
    ari_url: str = "http://127.0.0.1:8088/ari"
    """Root of its ARI (`http.conf`: address and port)."""
    ari_user: str = "callrouter"
    """A section of `ari.conf`."""
    ari_password: SecretStr = SecretStr("")
    """That user's password; give it or the file."""
    ari_password_file: Path | None = None
    """File with nothing but the password."""
    ami_host: str = "127.0.0.1"
    """Address on which its manager interface listens (`manager.conf`)."""
    ami_port: Port = 5038
    """… and the port."""
    ami_user: str = "callrouter"
    """A section of `manager.conf`."""
    ami_password: SecretStr = SecretStr("")
    """That user's password; give it or the file."""
    ami_password_file: Path | None = None
    """File with nothing but the password."""

    spool: Path | None = None
    """Its spool folder (`astspooldir`), where recordings and messages lie, as this machine sees it."""

    @model_validator(mode="after")
    def _one_source(self) -> "Node":
        for which in ("ari", "ami"):
            text = getattr(self, f"{which}_password").get_secret_value()
            if bool(text) == (getattr(self, f"{which}_password_file") is not None):
                raise ValueError(f"give {which}_password or {which}_password_file (one of the two)")
        return self

    def password(self, which: Literal["ari", "ami"]) -> str:
        """The password, from the settings or its file. Raises OSError when the file can't be read."""
        path = self.ari_password_file if which == "ari" else self.ami_password_file
        if path is not None:
            return path.read_text(encoding="utf-8").strip()
        secret = self.ari_password if which == "ari" else self.ami_password
        return secret.get_secret_value()


class Http(_Strict):
    """The API and the desk."""

    host: str = Field(
        "127.0.0.1", description="Address to listen on; loopback unless a proxy stands in front."
    )
    port: int = Field(8345, ge=0, le=65535, description="0 chooses a free one.")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Names under which browsers reach it, besides the loopback ones."
    )


class Feed(_Strict):
    """The MQTT feed; off without a broker."""

    broker: str = Field(
        "", pattern=r"^([^:\s]+(:[0-9]{1,5})?)?$", description="host:port of the MQTT broker."
    )
    user: str = ""
    """Name the broker knows us by; empty: anonymous."""
    password_file: Path | None = None
    """File with nothing but that user's password."""
    tls: bool = False
    """Speak TLS; the broker's certificate is checked."""
    ca_file: Path | None = None
    """Certificates (PEM) of the authority that signed the broker's; default: those this machine trusts."""
    numbers_to: tuple[str, ...] = ()
    """Lines that may read callers' numbers in `context`; all others see them masked."""


Days = Annotated[int, Field(ge=1, le=3660)]


class Retention(_Strict):
    """How long each kind of data is kept, in days; every night what is older goes."""

    numbers: Days = 183
    """Callers' numbers: masked after this, the calls still count."""
    details: Days = 366
    """Segments, flow steps and offers."""
    calls: Days = 1098
    """Calls with their transfers, grades and seat time."""
    voicemails: Days = 183
    recordings: Days = 183
    audit: int = Field(366, ge=183, le=3660, description="The audit trail: at least half a year.")
    dead_letters: Days = 92
    """Partners' messages that could not be taken."""
    outbox: Days = 30
    """Messages that no broker has taken."""


class Log(_Strict):
    """Structured lines; callers' numbers are masked in every one."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    file: Path | None = Field(None, description="JSON lines; standard error without it.")


class Lookup(_Strict):
    """A service that flows may ask by name."""

    kind: Literal["http", "sql"] = "http"
    """A web service, or a database that flows may read."""
    url: str = Field(max_length=500, description="Base address, or a SQLAlchemy URL for `sql`.")
    token_file: Path | None = Field(None, description="Bearer token for an HTTP service.")


class Settings(_Strict):
    """Everything that `callrouter serve` needs."""

    site: Path = Field(Path("ivr_flows"), description="Folder with flows, prompts, directory, floor.")
    state_dir: Path = Field(Path("state"), description="Database, spill files, rendered configuration.")
    database: str = Field("", description="SQLAlchemy URL; SQLite in the state directory without it.")
    asterisk: tuple[Node, ...] = Field(min_length=1, max_length=16)
    """The Asterisks to serve, each a group of its own."""
    http: Http = Http()
    feed: Feed = Feed()
    lookups: dict[str, Lookup] = Field(default_factory=dict)
    """Services by the names that flows use (verbs `http` and `sql`)."""
    retention: Retention = Retention()
    log: Log = Log()

    def database_url(self) -> str:
        return self.database or f"sqlite+aiosqlite:///{self.state_dir / 'callrouter.sqlite'}"


def load_settings(
    path: Path, environment: Mapping[str, str] | None = None, *, files: bool = False
) -> Settings:
    """Settings of a file with the environment on top. Relative paths count from the file's folder.

    With `files` those that hold passwords and certificates must be readable, too: whoever only looks at
    the database needs no right to them. Raises ConfigError with every fault, the environment's by
    variable name.
    """
    document = read_document(path)
    found = dict(document.root) if isinstance(document.root, dict) else {}
    extra, faults = _from_environment(os.environ if environment is None else environment)
    if faults:
        raise ConfigError(faults)
    if not extra:
        settings = parse(document, Settings)
    else:
        try:
            settings = Settings.model_validate(_merge(found, extra))
        except ValidationError:
            # The file alone tells its own faults with their lines; what is left is the environment's.
            parse(document, Settings)
            raise _environment_error(found, extra) from None
    settings = _absolute(settings, path.resolve().parent)
    if files and (unreadable := list(_unreadable(document, settings))):
        raise ConfigError(unreadable)
    return settings


def _unreadable(document: Document, settings: Settings) -> Iterator[Fault]:
    """Files that settings name and that cannot be read, each at the setting's line."""
    named: list[tuple[tuple[str | int, ...], Path | None]] = [
        (("asterisk", index, name), getattr(node, name))
        for index, node in enumerate(settings.asterisk)
        for name in ("ari_password_file", "ami_password_file")
    ]
    named += [(("feed", name), getattr(settings.feed, name)) for name in ("password_file", "ca_file")]
    for at, file in named:
        if file is None:
            continue
        try:
            with file.open("rb"):
                continue
        except OSError as error:
            setting = ".".join(str(step + 1) if isinstance(step, int) else step for step in at)
            message = f"{setting}: {file} cannot be read: {error.strerror}"
            yield document.fault(at, message, "Write the file, or mend the path and its rights")


def _absolute(settings: Settings, base: Path) -> Settings:
    nodes = tuple(
        node.model_copy(
            update={
                name: base / value
                for name in ("ari_password_file", "ami_password_file", "spool")
                if (value := getattr(node, name)) is not None
            }
        )
        for node in settings.asterisk
    )
    update: dict[str, Any] = {
        "asterisk": nodes, "site": base / settings.site, "state_dir": base / settings.state_dir,
    }  # fmt: skip
    if settings.log.file is not None:
        update["log"] = settings.log.model_copy(update={"file": base / settings.log.file})
    feed = {
        name: base / value
        for name in ("password_file", "ca_file")
        if (value := getattr(settings.feed, name)) is not None
    }
    update["feed"] = settings.feed.model_copy(update=feed)
    return settings.model_copy(update=update)


def _from_environment(environment: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    values: dict[str, Any] = {}
    faults = []
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in OUTSIDE:
            continue
        path = name[len(PREFIX) :].lower().split("__")
        model: Any = Settings
        for depth, step in enumerate(path):
            known = getattr(model, "model_fields", {})
            if step not in known:
                hint = did_you_mean(step, known) if known else "It has no parts"
                faults.append(Fault(f"environment {name}", 0, 0, f"no setting {step!r}", hint))
                break
            model = known[step].annotation
            if depth == len(path) - 1:
                if (isinstance(model, type) and issubclass(model, BaseModel)) or step == "asterisk":
                    hint = "Set its parts, or use the settings file"
                    faults.append(Fault(f"environment {name}", 0, 0, f"{step!r} is a group", hint))
                    break
                _put(values, path, environment[name])
    return values, faults


def _put(values: dict[str, Any], path: list[str], text: str) -> None:
    for step in path[:-1]:
        values = values.setdefault(step, {})
    values[path[-1]] = text


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = _merge(old, value) if isinstance(value, dict) and isinstance(old, dict) else value
    return out


def _environment_error(found: dict[str, Any], extra: dict[str, Any]) -> ConfigError:
    try:
        Settings.model_validate(_merge(found, extra))
    except ValidationError as error:
        return ConfigError(
            Fault(_variable(item["loc"]), 0, 0, *in_words(item, Settings))
            for item in error.errors(include_url=False)
        )
    return ConfigError([])


def _variable(loc: Sequence[str | int]) -> str:
    return f"environment {PREFIX}{'__'.join(map(str, loc)).upper()}"
