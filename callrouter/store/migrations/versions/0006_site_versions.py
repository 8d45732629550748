"""Versions of flows and directory: their sources, and when each came into force."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "site_sources",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("flows", sa.Text, nullable=False, comment="calls.flow_version of calls that ran on it"),
        sa.Column("files", sa.LargeBinary, nullable=False, comment="a ZIP archive"),
        sa.PrimaryKeyConstraint("digest", name="pk_site_sources"),
    )
    op.create_index("ix_site_sources_flows", "site_sources", ["flows"])
    op.create_table(
        "site_versions",
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("at", "digest", name="pk_site_versions"),
    )


def downgrade() -> None:
    op.drop_table("site_versions")
    op.drop_table("site_sources")
