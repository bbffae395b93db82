"""Forecasts of broadcasts that are worked out in the background, and the parts of which they are put together."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0094"
down_revision = "0105"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "broadcast_forecasts",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("subject", sa.Unicode(length=40), nullable=False),
        sa.Column("uuid", sa.Unicode(length=36), nullable=False),
        sa.Column("execution_id", types.BigId, nullable=True),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("config", types.JsonText(), nullable=False),
        sa.Column("asked", types.JsonText(), nullable=False),
        sa.Column("starts_at", types.UtcDateTime(), nullable=True),
        sa.Column("asked_at", types.UtcDateTime(), nullable=True),
        sa.Column("asked_by", sa.Unicode(length=60), nullable=False),
        sa.Column("position", types.BigId, nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("examined", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("result", types.JsonText(), nullable=True),
        sa.Column("error_message", types.Note(500), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_forecasts")),
        sa.UniqueConstraint("subject", name=op.f("uq_broadcast_forecasts_subject")),
    )
    op.create_index("ix_broadcast_forecasts_state_id", "broadcast_forecasts", ["state", "id"])
    op.create_table(
        "broadcast_forecast_parts",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("forecast_id", types.BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("people", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["forecast_id"],
            ["broadcast_forecasts.id"],
            name=op.f("fk_broadcast_forecast_parts_forecast_id_broadcast_forecasts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_forecast_parts")),
        sa.UniqueConstraint("forecast_id", "number", name=op.f("uq_broadcast_forecast_parts_forecast_id_number")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("broadcast_forecast_parts")
    op.drop_index("ix_broadcast_forecasts_state_id", table_name="broadcast_forecasts")
    op.drop_table("broadcast_forecasts")
