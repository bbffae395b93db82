"""Figures of each day for the reports, tokens of models by the day, and the indexes by which a day's rows are found."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0088"
down_revision = "0067"
branch_labels = None
depends_on = None

INDEXES = (("bookings", "start_at"), ("enrolments", "created_at"))


def upgrade() -> None:
    """Add the tables, empty: the last days are counted within the hour, older ones are not."""
    op.create_table(
        "day_figures",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("day", types.Day, nullable=False),
        sa.Column("name", sa.Unicode(length=40), nullable=False),
        sa.Column("owner", sa.Unicode(length=100), nullable=False),
        sa.Column("part", sa.Unicode(length=100), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_figures")),
        sa.UniqueConstraint("day", "name", "owner", "part", name=op.f("uq_day_figures_day_name_owner_part")),
    )
    op.create_table(
        "day_folds",
        sa.Column("day", types.Day, nullable=False),
        sa.Column("folded_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_day_folds")),
    )
    op.create_table(
        "model_days",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("day", types.Day, nullable=False),
        sa.Column("flow", sa.Unicode(length=40), nullable=False),
        sa.Column("model", sa.Unicode(length=100), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_days")),
        sa.UniqueConstraint("key", name=op.f("uq_model_days_key")),
    )
    op.create_index(op.f("ix_model_days_day"), "model_days", ["day"])
    for table, column in INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    """Drop them."""
    for table, column in reversed(INDEXES):
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)
    op.drop_index(op.f("ix_model_days_day"), table_name="model_days")
    for table in ("model_days", "day_folds", "day_figures"):
        op.drop_table(table)
