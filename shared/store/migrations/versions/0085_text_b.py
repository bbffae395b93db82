"""A second text of a broadcast: what it says, who got it, and its counts."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0085"
down_revision = "0071"
branch_labels = None
depends_on = None

COUNTS = ("b_total", "b_sent", "b_delivered", "b_read", "b_replied", "b_completed", "b_failed")


def upgrade() -> None:
    """Add the columns; what there is has one text."""
    op.add_column("broadcast_automations", sa.Column("variant_b", types.JsonText(), nullable=True))
    op.add_column("broadcast_recipients", sa.Column("variant", sa.Unicode(1), nullable=True))
    for table in ("broadcast_count_deltas", "broadcast_counts"):
        for name in COUNTS:
            op.add_column(table, sa.Column(name, sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take them away."""
    for table in ("broadcast_counts", "broadcast_count_deltas"):
        with op.batch_alter_table(table) as batch:
            for name in reversed(COUNTS):
                batch.drop_column(name)
    with op.batch_alter_table("broadcast_recipients") as batch:
        batch.drop_column("variant")
    with op.batch_alter_table("broadcast_automations") as batch:
        batch.drop_column("variant_b")
