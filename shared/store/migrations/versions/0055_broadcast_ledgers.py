"""The ledgers of broadcasts: how far messages are planned, the slots that were taken, and what failed lately."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0055"
down_revision = "0058"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "broadcast_ledgers",
        sa.Column("automation_id", BIG, autoincrement=False, nullable=False),
        sa.Column("planned_until", types.UtcDateTime(), nullable=True),
        sa.Column("in_batch", sa.Integer(), nullable=False),
        sa.Column("last_slot_at", types.UtcDateTime(), nullable=True),
        sa.Column("asked_until", types.UtcDateTime(), nullable=True),
        sa.Column("counts_since", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["automation_id"],
            ["broadcast_automations.id"],
            name=op.f("fk_broadcast_ledgers_automation_id_broadcast_automations"),
        ),
        sa.PrimaryKeyConstraint("automation_id", name=op.f("pk_broadcast_ledgers")),
    )
    op.create_table(
        "broadcast_slots",
        sa.Column("automation_id", BIG, autoincrement=False, nullable=False),
        sa.Column("second", types.UtcDateTime(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("automation_id", "second", name=op.f("pk_broadcast_slots")),
    )
    op.create_table(
        "broadcast_recent_failures",
        sa.Column("id", BIG, nullable=False),
        sa.Column("automation_id", BIG, nullable=False),
        sa.Column("code", sa.Unicode(length=64), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_recent_failures")),
    )
    op.create_index(op.f("ix_broadcast_recent_failures_automation_id_at"), "broadcast_recent_failures", ["automation_id", "at"])


def downgrade() -> None:
    """Take them away."""
    op.drop_table("broadcast_recent_failures")
    op.drop_table("broadcast_slots")
    op.drop_table("broadcast_ledgers")
