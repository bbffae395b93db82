"""Comparisons with other systems than Odoo: each report says with which."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the reports that are there are of comparisons with Odoo."""
    with op.batch_alter_table("reconciliations") as table:
        table.add_column(sa.Column("system", sa.Unicode(length=20), nullable=False, server_default="odoo"))


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table("reconciliations") as table:
        table.drop_column("system")
