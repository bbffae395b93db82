"""The days on which invoices were looked at, with their figures."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0044"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "invoice_days",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day", types.Day, nullable=False),
        sa.Column("figures", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_days")),
        sa.UniqueConstraint("day", name=op.f("uq_invoice_days_day")),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("invoice_days")
