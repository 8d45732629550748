"""The tables. Instants are integer microseconds since the Unix epoch, UTC.

Whole microseconds make sums of durations exact in any language that reads the
database: floats would not add up. A change here needs a migration beside it;
a test compares the two.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

calls: Final = Table(
    "calls",
    metadata,
    Column("call", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("dialled", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("trunk", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("flow_version", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("queue", Text),
    Column("first_seat", Text),
    Column("first_agent", Text),
    Column("ingress", BigInteger, nullable=False),
    Column("accepted", BigInteger),
    Column("menu_end", BigInteger),
    Column("enqueued", BigInteger),
    Column("rang", BigInteger),
    Column("answered", BigInteger),
    Column("ended", BigInteger, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("cause", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("skills", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("call"),
    Index(None, "ingress"),
    Index(None, "first_agent", "ingress"),
)

segments: Final = Table(
    "segments",
    metadata,
    Column("call", Text, ForeignKey("calls.call", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("track", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("activity", Text, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("call", "position"),
)

transfers: Final = Table(
    "transfers",
    metadata,
    Column("call", Text, ForeignKey("calls.call", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("by", Text),
    Column("target", Text, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("answered", BigInteger),
    Column("ended", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("cause", Text, nullable=False),
    PrimaryKeyConstraint("call", "number"),
    Index(None, "asked"),
)

flow_steps: Final = Table(
    "flow_steps",
    metadata,
    Column("call", Text, ForeignKey("calls.call", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("flow", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("branch", Text, nullable=False),
    Column("variables", Text, nullable=False, comment="JSON object"),
    PrimaryKeyConstraint("call", "position"),
)

seat_intervals: Final = Table(
    "seat_intervals",
    metadata,
    Column("seat", Text, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("agent", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("call", Text),
    PrimaryKeyConstraint("seat", "started"),
    Index(None, "started"),
)

offers: Final = Table(
    "offers",
    metadata,
    Column("offer", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("seat", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("explanation", Text, nullable=False, comment="JSON object"),
    PrimaryKeyConstraint("offer"),
    Index(None, "call"),
    Index(None, "made"),
)

callbacks: Final = Table(
    "callbacks",
    metadata,
    Column("call", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("outcome", Text, nullable=False, comment="empty while open"),
    Column("attempts", Integer, nullable=False),
    PrimaryKeyConstraint("call"),
    Index(None, "asked"),
)

surveys: Final = Table(
    "surveys",
    metadata,
    Column("id", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("seat", Text),
    Column("agent", Text),
    Column("asked", BigInteger, nullable=False),
    Column("grade", Integer),
    Column("channel", Text, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "asked"),
)

voicemails: Final = Table(
    "voicemails",
    metadata,
    Column("id", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("queue", Text),
    Column("number", Text, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False, comment="microseconds"),
    Column("file", Text, nullable=False),
    Column("mailbox", Text, nullable=False, server_default=""),
    Column("organisation", Text, nullable=False, server_default=""),
    Column("heard", BigInteger),
    Column("heard_by", Text),
    PrimaryKeyConstraint("id"),
    Index(None, "received"),
)

recordings: Final = Table(
    "recordings",
    metadata,
    Column("id", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("file", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "call"),
    Index(None, "started"),
)

erasures: Final = Table(
    "erasures",
    metadata,
    Column("call", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("held", Text, nullable=False, comment="why the voice is kept; empty: it is gone"),
    PrimaryKeyConstraint("call"),
    Index(None, "at"),
)
"""Calls whose caller has been erased on request."""

work_orders: Final = Table(
    "work_orders",
    metadata,
    Column("source", Text, nullable=False),
    Column("work_order", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("handling_unit", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("due", BigInteger),
    Column("closed", BigInteger),
    Column("updated", BigInteger, nullable=False),
    Column("grade", Integer),
    PrimaryKeyConstraint("source", "work_order"),
    Index(None, "created"),
)

outbox: Final = Table(
    "outbox",
    metadata,
    # On SQLite only INTEGER counts up by itself.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), nullable=False, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("seq"),
    Index(None, "id", unique=True),
    sqlite_autoincrement=True,
)

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("id", Text, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "received"),
)

site_sources: Final = Table(
    "site_sources",
    metadata,
    Column("digest", Text, nullable=False),
    Column("flows", Text, nullable=False, comment="calls.flow_version of calls that ran on it"),
    Column("files", LargeBinary, nullable=False, comment="a ZIP archive"),
    PrimaryKeyConstraint("digest"),
    Index(None, "flows"),
)

site_versions: Final = Table(
    "site_versions",
    metadata,
    Column("at", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("note", Text, nullable=False),
    PrimaryKeyConstraint("at", "digest"),
)
"""When each version of the site came into force: until the next one did, calls ran on it."""

packed_days: Final = Table(
    "packed_days",
    metadata,
    Column("day", Integer, nullable=False, comment="days since the epoch, UTC"),
    Column("kind", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("day", "kind"),
)
"""What reports read instead of rows: a cache that any later entry for the day removes."""

users: Final = Table(
    "users",
    metadata,
    Column("name", Text, nullable=False),
    Column("display", Text, nullable=False),
    Column("password", Text, nullable=False, comment="argon2id, PHC string"),
    Column("roles", Text, nullable=False, comment="JSON list"),
    Column("organisation", Text, nullable=False),
    Column("agent", Text),
    Column("seats", Text, nullable=False, comment="JSON list"),
    Column("see_numbers", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("digest", Text, nullable=False, comment="SHA-256 of the token, hexadecimal"),
    Column("user", Text, ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    PrimaryKeyConstraint("digest"),
    Index(None, "expires"),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("address", Text, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "at"),
)
