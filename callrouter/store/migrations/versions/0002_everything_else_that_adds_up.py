"""Seat intervals, offers, callbacks, surveys, voicemails, recordings, work orders, outbox."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _text(*names: str, required: bool = True) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=not required) for name in names]


def _instant(*names: str, required: bool = True) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=not required) for name in names]


def _number(name: str, *, required: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=not required)


def _table(name: str, *columns: Any, key: tuple[str, ...], indexes: tuple[str, ...] = ()) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"))
    for column in indexes:
        op.create_index(f"ix_{name}_{column}", name, [column])


def upgrade() -> None:
    _of_the_floor()
    _of_callers()
    _of_the_feed()
    _table(
        "packed_days",
        sa.Column("day", sa.Integer, nullable=False, comment="days since the epoch, UTC"),
        *_text("kind"),
        sa.Column("data", sa.LargeBinary, nullable=False),
        key=("day", "kind"),
    )


def _of_the_floor() -> None:
    _table(
        "seat_intervals",
        *_text("seat"),
        *_instant("started", "ended"),
        *_text("agent", required=False),
        *_text("state", "reason"),
        *_text("call", required=False),
        key=("seat", "started"),
        indexes=("started",),
    )
    _table(
        "offers",
        *_text("offer", "call", "seat", "queue"),
        *_instant("made", "ended"),
        *_text("outcome"),
        sa.Column("explanation", sa.Text, nullable=False, comment="JSON object"),
        key=("offer",),
        indexes=("call", "made"),
    )
    _table(
        "callbacks",
        *_text("call", "origin", "queue", "number"),
        *_instant("asked"),
        *_instant("ended", required=False),
        sa.Column("outcome", sa.Text, nullable=False, comment="empty while open"),
        _number("attempts"),
        key=("call",),
        indexes=("asked",),
    )


def _of_callers() -> None:
    _table(
        "surveys",
        *_text("id", "call"),
        *_text("seat", "agent", required=False),
        *_instant("asked"),
        _number("grade", required=False),
        *_text("channel"),
        key=("id",),
        indexes=("asked",),
    )
    _table(
        "voicemails",
        *_text("id", "call"),
        *_text("queue", required=False),
        *_text("number"),
        *_instant("received"),
        sa.Column("length", sa.BigInteger, nullable=False, comment="microseconds"),
        *_text("file"),
        key=("id",),
        indexes=("received",),
    )
    _table(
        "recordings",
        *_text("id", "call"),
        *_instant("started", "ended"),
        *_text("file"),
        *_instant("size"),
        *_text("sha256"),
        key=("id",),
        indexes=("call", "started"),
    )
    _table(
        "work_orders",
        *_text("source", "work_order", "organisation", "call", "topic", "state", "handling_unit"),
        *_instant("created"),
        *_instant("due", "closed", required=False),
        *_instant("updated"),
        _number("grade", required=False),
        key=("source", "work_order"),
        indexes=("created",),
    )


def _of_the_feed() -> None:
    op.create_table(
        "outbox",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, autoincrement=True
        ),
        *_text("id", "topic"),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        *_instant("at"),
        sa.PrimaryKeyConstraint("seq", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_id", "outbox", ["id"], unique=True)
    _table(
        "dead_letters",
        *_text("id"),
        *_instant("received"),
        *_text("topic", "reason"),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        key=("id",),
        indexes=("received",),
    )


def downgrade() -> None:
    for table in ("packed_days", "dead_letters", "outbox", "work_orders", "recordings"):
        op.drop_table(table)
    for table in ("voicemails", "surveys", "callbacks", "offers", "seat_intervals"):
        op.drop_table(table)
