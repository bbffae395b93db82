"""What comes from Odoo: what both sides agreed on last, won and lost leads, and how far we have looked for changes."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0031"
down_revision = "0034"
branch_labels = None
depends_on = None

SYNCED = ("contacts", "opportunities")


def upgrade() -> None:
    """Add the columns, empty: what was agreed on is learnt at the next sync or look."""
    for table in SYNCED:
        op.add_column(table, sa.Column("odoo_seen", types.JsonText(), nullable=True))
    op.add_column("opportunities", sa.Column("outcome", sa.Unicode(8), nullable=True))
    op.add_column("opportunities", sa.Column("outcome_date", types.UtcDateTime(), nullable=True))
    op.create_table(
        "odoo_cursors",
        sa.Column("model", sa.Unicode(64), nullable=False),
        sa.Column("changed_to", types.UtcDateTime(), nullable=False),
        sa.Column("looked_at", types.UtcDateTime(), nullable=True),
        sa.Column("busy_until", types.UtcDateTime(), nullable=True),
        sa.Column("checked_to", types.BigId, nullable=False),
        sa.PrimaryKeyConstraint("model", name=op.f("pk_odoo_cursors")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("odoo_cursors")
    for table, column in (("opportunities", "outcome_date"), ("opportunities", "outcome"), *((t, "odoo_seen") for t in SYNCED)):
        op.drop_column(table, column)
