"""Messages know their mailbox, whose it is, and who has heard them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("mailbox", "organisation"):
        op.add_column("voicemails", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("voicemails", sa.Column("heard", sa.BigInteger))
    op.add_column("voicemails", sa.Column("heard_by", sa.Text))


def downgrade() -> None:
    for name in ("heard_by", "heard", "organisation", "mailbox"):
        op.drop_column("voicemails", name)
