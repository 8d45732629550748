"""Calls know the skills that they asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("skills", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("calls", "skills")
