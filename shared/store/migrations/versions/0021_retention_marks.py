"""How far retention has come."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of where retention goes on, one row for each kind of rows."""
    op.create_table(
        "retention_marks",
        sa.Column("rule", sa.Unicode(length=40), nullable=False),
        sa.Column("begun_at", types.UtcDateTime(), nullable=False),
        sa.Column("goes_on_at", types.BigId, nullable=False),
        sa.PrimaryKeyConstraint("rule", name=op.f("pk_retention_marks")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("retention_marks")
