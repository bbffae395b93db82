"""Pauses of flows, and the events that wait for their end."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0076"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the three tables, empty: no flow is paused."""
    op.create_table(
        "flow_holds",
        sa.Column("flow", sa.Unicode(length=40), nullable=False),
        sa.Column("pause_id", types.BigId, nullable=False),
        sa.Column("until", types.UtcDateTime(), nullable=True),
        sa.Column("resumed_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("flow", name=op.f("pk_flow_holds")),
    )
    op.create_table(
        "flow_pauses",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("flow", sa.Unicode(length=40), nullable=False),
        sa.Column("paused_at", types.UtcDateTime(), nullable=False),
        sa.Column("paused_by", sa.Unicode(length=60), nullable=False),
        sa.Column("until", types.UtcDateTime(), nullable=True),
        sa.Column("note", types.Note(200), nullable=True),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.Unicode(length=60), nullable=True),
        sa.Column("drained_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_pauses")),
    )
    op.create_index(op.f("ix_flow_pauses_flow_id"), "flow_pauses", ["flow", "id"])
    op.create_table(
        "held_events",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("flow", sa.Unicode(length=40), nullable=False),
        sa.Column("queue", sa.Unicode(length=63), nullable=False),
        sa.Column("type", sa.Unicode(length=100), nullable=False),
        sa.Column("subject", types.Note(100), nullable=True),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.Column("held_at", types.UtcDateTime(), nullable=False),
        sa.Column("event", sa.UnicodeText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_events")),
        sa.UniqueConstraint("key", name=op.f("uq_held_events_key")),
    )
    op.create_index(op.f("ix_held_events_subject"), "held_events", ["subject"])
    op.create_index(op.f("ix_held_events_flow_received_at_id"), "held_events", ["flow", "received_at", "id"])


def downgrade() -> None:
    """Drop them; what still waits would be lost, so no flow may be paused."""
    op.drop_table("held_events")
    op.drop_table("flow_pauses")
    op.drop_table("flow_holds")
