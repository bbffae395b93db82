"""Campaigns go to Odoo: how far it has each campaign, and each person's part in one."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0038"
down_revision = "0041"
branch_labels = None
depends_on = None

TABLES = ("campaigns", "campaign_contacts")


def upgrade() -> None:
    """Add the columns, empty: what has no status is asked for by the engine, where the settings want campaigns in Odoo."""
    for table in TABLES:
        op.add_column(table, sa.Column("odoo_id", types.BigId, nullable=True))
        op.add_column(table, sa.Column("odoo_sync_status", sa.Unicode(16), nullable=True))
        op.add_column(table, sa.Column("odoo_sync_error", types.Note(1000), nullable=True))
        op.add_column(table, sa.Column("odoo_sync_attempts", sa.Integer(), server_default="0", nullable=False))
        op.add_column(table, sa.Column("odoo_sync_at", types.UtcDateTime(), nullable=True))
        op.add_column(table, sa.Column("odoo_synced_at", types.UtcDateTime(), nullable=True))
        op.create_index(op.f(f"ix_{table}_odoo_sync_status"), table, ["odoo_sync_status"])
    op.add_column("campaigns", sa.Column("odoo_tags", types.JsonText(), nullable=True))
    op.add_column("campaign_contacts", sa.Column("odoo_linked", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("campaign_contacts", sa.Column("odoo_partner_id", types.BigId, nullable=True))
    op.add_column("campaign_contacts", sa.Column("odoo_lead_id", types.BigId, nullable=True))


def downgrade() -> None:
    """Drop them; what Odoo has stays there."""
    with op.batch_alter_table("campaign_contacts") as batch:
        for column in ("odoo_lead_id", "odoo_partner_id", "odoo_linked"):
            batch.drop_column(column)
    op.drop_column("campaigns", "odoo_tags")
    for table in reversed(TABLES):
        op.drop_index(op.f(f"ix_{table}_odoo_sync_status"), table_name=table)
        with op.batch_alter_table(table) as batch:
            for column in ("synced_at", "sync_at", "sync_attempts", "sync_error", "sync_status", "id"):
                batch.drop_column(f"odoo_{column}")
