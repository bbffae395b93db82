"""Indexes by which a page finds what an event has caused, and the events of one type."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; each column is null or short, so that they stay small."""
    op.create_index(op.f("ix_deliveries_event_key"), "deliveries", ["event_key"])
    op.create_index(op.f("ix_enrolments_event_key"), "enrolments", ["event_key"])
    op.create_index(op.f("ix_stage_history_event_key"), "stage_history", ["event_key"])
    op.create_index(op.f("ix_campaign_history_event_key"), "campaign_history", ["event_key"])
    op.create_index(op.f("ix_inbox_type_id"), "inbox", ["type", "id"])
    for table in ("delivery_waits", "deliveries"):
        held_up = sa.text("outage_id IS NOT NULL")
        only: dict[str, Any] = {"mssql_where": held_up, "sqlite_where": held_up, "postgresql_where": held_up}
        op.create_index(op.f(f"ix_{table}_outage_id"), table, ["outage_id"], **only)


def downgrade() -> None:
    """Drop them."""
    for table in ("deliveries", "delivery_waits"):
        op.drop_index(op.f(f"ix_{table}_outage_id"), table_name=table)
    op.drop_index(op.f("ix_inbox_type_id"), table_name="inbox")
    op.drop_index(op.f("ix_campaign_history_event_key"), table_name="campaign_history")
    op.drop_index(op.f("ix_stage_history_event_key"), table_name="stage_history")
    op.drop_index(op.f("ix_enrolments_event_key"), table_name="enrolments")
    op.drop_index(op.f("ix_deliveries_event_key"), table_name="deliveries")
