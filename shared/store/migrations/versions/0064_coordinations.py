"""Processes in Flowable and the robots that belong to them."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0064"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "coordinations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("business_key", sa.Unicode(100), nullable=False),
        sa.Column("process_key", sa.Unicode(100), nullable=False),
        sa.Column("bot", sa.Unicode(100), nullable=False),
        sa.Column("payload", types.JsonText(), nullable=True),
        sa.Column("email", sa.Unicode(254), nullable=True),
        sa.Column("phone", sa.Unicode(20), nullable=True),
        sa.Column("asked_by", sa.Unicode(60), nullable=False),
        sa.Column("needs_approval", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("approved_by", sa.Unicode(60), nullable=True),
        sa.Column("wait_minutes", sa.Integer(), nullable=False),
        sa.Column("state", sa.Unicode(16), nullable=False),
        sa.Column("reason", sa.Unicode(64), nullable=True),
        sa.Column("process_id", sa.Unicode(100), nullable=True),
        sa.Column("definition_id", sa.Unicode(200), nullable=True),
        sa.Column("execution_id", sa.Unicode(100), nullable=True),
        sa.Column("robot_answer", sa.Unicode(64), nullable=True),
        *(sa.Column(name, types.UtcDateTime(), nullable=True) for name in ("triggered_at", "wait_until", "escalated_at")),
        sa.Column("result_status", sa.Unicode(16), nullable=True),
        sa.Column("result", types.JsonText(), nullable=True),
        sa.Column("error", types.Note(1000), nullable=True),
        *(sa.Column(name, types.UtcDateTime(), nullable=True) for name in ("result_at", "reported_at", "cancelled_at")),
        *(sa.Column(name, types.UtcDateTime(), nullable=True) for name in ("undone_at", "ended_at")),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coordinations")),
        sa.UniqueConstraint("business_key", name=op.f("uq_coordinations_business_key")),
    )
    for column in ("email", "phone", "ended_at"):
        op.create_index(op.f(f"ix_coordinations_{column}"), "coordinations", [column])
    op.create_index("ix_coordinations_state_wait_until", "coordinations", ["state", "wait_until"])


def downgrade() -> None:
    """Take it away."""
    op.drop_table("coordinations")
