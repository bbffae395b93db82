"""Limits of leads: one mailbox has many addresses, forms that come again count, and first contacts count by the hour."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is counted. Leads that are there are counted by their address, as before, and as contacted long ago."""
    op.add_column("leads", sa.Column("mailbox", sa.Unicode(254), nullable=False, server_default=""))
    op.add_column("leads", sa.Column("forms", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("leads", sa.Column("first_contact_at", types.UtcDateTime(), nullable=True))
    op.execute("UPDATE leads SET mailbox = email")
    op.create_index("ix_leads_mailbox", "leads", ["mailbox"])
    op.create_index("ix_leads_first_contact_at", "leads", ["first_contact_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_leads_first_contact_at", table_name="leads")
    op.drop_index("ix_leads_mailbox", table_name="leads")
    for column in ("first_contact_at", "forms", "mailbox"):
        op.drop_column("leads", column, mssql_drop_default=True)
