"""How many events of each type an hour had, for pages that show days at a glance."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0065"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, empty: hours are counted from now on."""
    op.create_table(
        "event_hours",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("type", sa.Unicode(length=100), nullable=False),
        sa.Column("hour", types.UtcDateTime(), nullable=False),
        sa.Column("handled", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_hours")),
        sa.UniqueConstraint("type", "hour", name=op.f("uq_event_hours_type_hour")),
    )
    op.create_index(op.f("ix_event_hours_hour"), "event_hours", ["hour"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index(op.f("ix_event_hours_hour"), table_name="event_hours")
    op.drop_table("event_hours")
