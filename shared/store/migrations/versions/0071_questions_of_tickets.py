"""Tickets: the question that is out is one of the talking flows'."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0071"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. A question that is out already has none: its ticket goes to a person when nobody has answered in time."""
    op.add_column("tickets", sa.Column("question_id", types.BigId, nullable=True))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("tickets") as table:
        table.drop_column("question_id")
