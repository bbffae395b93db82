"""What deliveries wait for, outages and pauses of outside systems, and lanes."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, and to each delivery what it waits for now; of what was before nothing is known."""
    op.create_table(
        "delivery_waits",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("delivery_id", types.BigId, nullable=False),
        sa.Column("reason", sa.Unicode(length=64), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(), nullable=False),
        sa.Column("outage_id", types.BigId, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_waits")),
    )
    op.create_index("ix_delivery_waits_delivery_id_id", "delivery_waits", ["delivery_id", "id"])
    op.create_table(
        "outages",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("target", sa.Unicode(length=50), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.Column("error", types.Note(length=1000), nullable=True),
        sa.Column("held_up", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("not_done", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outages")),
    )
    op.create_index("ix_outages_target_id", "outages", ["target", "id"])
    op.create_table(
        "target_pauses",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("target", sa.Unicode(length=50), nullable=False),
        sa.Column("paused_at", types.UtcDateTime(), nullable=False),
        sa.Column("paused_by", sa.Unicode(length=60), nullable=False),
        sa.Column("until", types.UtcDateTime(), nullable=True),
        sa.Column("note", types.Note(length=200), nullable=True),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.Unicode(length=60), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target_pauses")),
    )
    op.create_index("ix_target_pauses_target_id", "target_pauses", ["target", "id"])
    op.add_column("targets", sa.Column("pause_id", types.BigId, nullable=True))
    op.add_column("targets", sa.Column("paused_until", types.UtcDateTime(), nullable=True))
    op.add_column("targets", sa.Column("outage_id", types.BigId, nullable=True))
    op.add_column("deliveries", sa.Column("waits_for", sa.Unicode(length=64), nullable=True))
    op.add_column("deliveries", sa.Column("waiting_since", types.UtcDateTime(), nullable=True))
    op.add_column("deliveries", sa.Column("outage_id", types.BigId, nullable=True))
    op.add_column("deliveries", sa.Column("lane", sa.Unicode(length=32), nullable=False, server_default="transactional"))
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    _index_due("target", "lane", "due_at", "id")
    op.create_table(
        "lane_shares",
        sa.Column("target", sa.Unicode(length=50), nullable=False),
        sa.Column("lane", sa.Unicode(length=32), nullable=False),
        sa.Column("share", types.BigId, nullable=False),
        sa.PrimaryKeyConstraint("target", "lane", name=op.f("pk_lane_shares")),
    )
    op.add_column("reconciliations", sa.Column("pages", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("reconciliations", sa.Column("goes_on", types.JsonText(), nullable=True))
    op.add_column("action_log", sa.Column("started_at", types.UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("action_log", "started_at")
    op.drop_column("reconciliations", "goes_on")
    op.drop_column("reconciliations", "pages", mssql_drop_default=True)
    op.drop_table("lane_shares")
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    _index_due("target", "due_at", "id")
    op.drop_column("deliveries", "lane", mssql_drop_default=True)
    for column in ("outage_id", "waiting_since", "waits_for"):
        op.drop_column("deliveries", column)
    for column in ("outage_id", "paused_until", "pause_id"):
        op.drop_column("targets", column)
    for table in ("target_pauses", "outages", "delivery_waits"):
        op.drop_table(table)


def _index_due(*columns: str) -> None:
    where = sa.text("state = 'pending'")
    op.create_index(
        "ix_deliveries_due", "deliveries", list(columns), mssql_where=where, sqlite_where=where, postgresql_where=where
    )
