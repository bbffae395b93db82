"""Tickets: nobody counts unclear answers any more, so the column fills itself, and a later release can take it away."""

import sqlalchemy as sa
from alembic import op

revision = "0098"
down_revision = "0094"
branch_labels = None
depends_on = None
contracts = "0071"  # since then nothing reads it


def upgrade() -> None:
    """Give the column a value of its own: instances of the release before still write it, new ones do not."""
    with op.batch_alter_table("tickets") as table:
        table.alter_column("unclear", existing_type=sa.Integer(), existing_nullable=False, server_default=sa.text("0"))


def downgrade() -> None:
    """Take it away again."""
    with op.batch_alter_table("tickets") as table:
        table.alter_column("unclear", existing_type=sa.Integer(), existing_nullable=False, server_default=None)
