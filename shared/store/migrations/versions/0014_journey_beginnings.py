"""Events that journeys remember, beginnings after a pause, and when a step is due by itself."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and the column. Rows that exist keep NULL in it: what was planned before counts as it did."""
    op.create_table(
        "journey_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("person", sa.Unicode(length=100), nullable=False),
        sa.Column("event", sa.Unicode(length=100), nullable=False),
        sa.Column("event_key", sa.Unicode(length=64), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("facts", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey_events")),
        sa.UniqueConstraint("key", name=op.f("uq_journey_events_key")),
    )
    op.create_index("ix_journey_events_person_at", "journey_events", ["person", "at"])
    op.create_table(
        "journey_beginnings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("journey", sa.Unicode(length=50), nullable=False),
        sa.Column("event", sa.Unicode(length=100), nullable=False),
        sa.Column("person", sa.Unicode(length=100), nullable=False),
        sa.Column("person_keys", types.JsonText(), nullable=False),
        sa.Column("instance", sa.Unicode(length=200), nullable=True),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("reason", sa.Unicode(length=200), nullable=True),
        sa.Column("event_key", sa.Unicode(length=64), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("due_at", types.UtcDateTime(), nullable=False),
        sa.Column("data", types.JsonText(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey_beginnings")),
        sa.UniqueConstraint("key", name=op.f("uq_journey_beginnings_key")),
    )
    op.create_index("ix_journey_beginnings_person", "journey_beginnings", ["person"])
    op.create_index("ix_journey_beginnings_state_due_at", "journey_beginnings", ["state", "due_at"])
    op.create_index("ix_journey_beginnings_journey_id", "journey_beginnings", ["journey", "id"])
    op.add_column("enrolment_steps", sa.Column("nominal_at", types.UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("enrolment_steps", "nominal_at")
    op.drop_table("journey_beginnings")
    op.drop_table("journey_events")
