"""Calls with their segments, transfers and flow steps; users, tokens, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, required: bool = True, comment: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=not required, comment=comment)


def _instant(name: str, *, required: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=not required)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _part_of_call(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    key = sa.ForeignKeyConstraint(["call"], ["calls.call"], name=f"fk_{table}_call", ondelete="CASCADE")
    return _text("call"), key


def upgrade() -> None:
    op.create_table(
        "calls",
        *map(_text, ("call", "node", "channel", "dialled", "caller", "trunk", "organisation")),
        *map(_text, ("flow", "flow_version", "language")),
        *(_text(name, required=False) for name in ("queue", "first_seat", "first_agent")),
        _instant("ingress"),
        *(_instant(name, required=False) for name in ("accepted", "menu_end")),
        *(_instant(name, required=False) for name in ("enqueued", "rang", "answered")),
        _instant("ended"),
        _text("ended_by"),
        _number("cause"),
        _text("outcome"),
        sa.PrimaryKeyConstraint("call", name="pk_calls"),
    )
    op.create_index("ix_calls_ingress", "calls", ["ingress"])
    op.create_index("ix_calls_first_agent_ingress", "calls", ["first_agent", "ingress"])
    op.create_table(
        "segments",
        *_part_of_call("segments"),
        _number("position"),
        *map(_text, ("track", "role", "party", "activity")),
        _instant("started"),
        _instant("ended"),
        _text("detail"),
        sa.PrimaryKeyConstraint("call", "position", name="pk_segments"),
    )
    op.create_table(
        "transfers",
        *_part_of_call("transfers"),
        _number("number"),
        _text("kind"),
        _text("by", required=False),
        _text("target"),
        _instant("asked"),
        _instant("answered", required=False),
        _instant("ended"),
        _text("outcome"),
        _text("cause"),
        sa.PrimaryKeyConstraint("call", "number", name="pk_transfers"),
    )
    op.create_index("ix_transfers_asked", "transfers", ["asked"])
    op.create_table(
        "flow_steps",
        *_part_of_call("flow_steps"),
        _number("position"),
        _instant("at"),
        _text("flow"),
        _text("node"),
        _number("line"),
        _text("branch"),
        _text("variables", comment="JSON object"),
        sa.PrimaryKeyConstraint("call", "position", name="pk_flow_steps"),
    )
    _create_accounts()


def _create_accounts() -> None:
    op.create_table(
        "users",
        _text("name"),
        _text("display"),
        _text("password", comment="argon2id, PHC string"),
        _text("roles", comment="JSON list"),
        _text("organisation"),
        _text("agent", required=False),
        _text("seats", comment="JSON list"),
        sa.Column("see_numbers", sa.Boolean, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        _instant("created"),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_table(
        "tokens",
        _text("digest", comment="SHA-256 of the token, hexadecimal"),
        _text("user"),
        _instant("created"),
        _instant("expires"),
        sa.PrimaryKeyConstraint("digest", name="pk_tokens"),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name="fk_tokens_user", ondelete="CASCADE"),
    )
    op.create_index("ix_tokens_expires", "tokens", ["expires"])
    op.create_table(
        "audit",
        _text("id"),
        _instant("at"),
        *map(_text, ("who", "action", "subject", "detail", "address")),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])


def downgrade() -> None:
    for table in ("audit", "tokens", "users", "flow_steps", "transfers", "segments", "calls"):
        op.drop_table(table)
