"""What follows from a payment: its row in a sheet, and its analysis."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0035"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; payments that are there have neither, until Stripe reports them again."""
    op.add_column("payments", sa.Column("sheet_sync_status", sa.Unicode(16), nullable=True))
    op.add_column("payments", sa.Column("sheet_sync_error", types.Note(1000), nullable=True))
    op.add_column("payments", sa.Column("sheet_sync_attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("payments", sa.Column("sheet_sync_at", types.UtcDateTime(), nullable=True))
    op.add_column("payments", sa.Column("sheet_synced_at", types.UtcDateTime(), nullable=True))
    op.add_column("payments", sa.Column("analysis", types.JsonText(), nullable=True))
    op.create_index(op.f("ix_payments_sheet_sync_status"), "payments", ["sheet_sync_status"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index(op.f("ix_payments_sheet_sync_status"), table_name="payments")
    for column in (
        "analysis",
        "sheet_synced_at",
        "sheet_sync_at",
        "sheet_sync_attempts",
        "sheet_sync_error",
        "sheet_sync_status",
    ):
        op.drop_column("payments", column, mssql_drop_default=True)
