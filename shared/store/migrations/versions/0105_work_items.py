"""How far the work item of a coordination is known."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0105"
down_revision = "0104"
branch_labels = None
depends_on = None

NAMES = ("item_state", "item_ended_at", "item_sync_error", "item_sync_at", "item_synced_at")


def upgrade() -> None:
    """Add the columns, empty: of what waits now the item is looked at within minutes."""
    for name, kind in (
        ("item_state", sa.Unicode(length=16)),
        ("item_ended_at", types.UtcDateTime()),
        ("item_sync_status", sa.Unicode(length=16)),
        ("item_sync_error", types.Note(length=1000)),
        ("item_sync_at", types.UtcDateTime()),
        ("item_synced_at", types.UtcDateTime()),
    ):
        op.add_column("coordinations", sa.Column(name, kind, nullable=True))
    op.add_column("coordinations", sa.Column("item_sync_attempts", sa.Integer(), server_default="0", nullable=False))
    op.create_index(op.f("ix_coordinations_item_sync_status"), "coordinations", ["item_sync_status"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index(op.f("ix_coordinations_item_sync_status"), table_name="coordinations")
    with op.batch_alter_table("coordinations") as table:
        for name in ("item_sync_attempts", "item_sync_status", *NAMES):
            table.drop_column(name)
