"""Journeys: versions, pauses, enrolments with their steps, and every decision."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "journey_pauses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("journey", sa.Unicode(length=50), nullable=False),
        sa.Column("paused_at", types.UtcDateTime(), nullable=False),
        sa.Column("paused_by", sa.Unicode(length=60), nullable=False),
        sa.Column("resumed_at", types.UtcDateTime(), nullable=True),
        sa.Column("resumed_by", sa.Unicode(length=60), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey_pauses")),
    )
    op.create_index("ix_journey_pauses_journey", "journey_pauses", ["journey"])

    op.create_table(
        "journey_versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("journey", sa.Unicode(length=50), nullable=False),
        sa.Column("hash", sa.Unicode(length=40), nullable=False),
        sa.Column("definition", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey_versions")),
        sa.UniqueConstraint("journey", "hash", name=op.f("uq_journey_versions_journey_hash")),
    )
    op.create_table(
        "enrolments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("journey", sa.Unicode(length=50), nullable=False),
        sa.Column("version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.Unicode(length=100), nullable=False),
        sa.Column("instance", sa.Unicode(length=200), nullable=True),
        sa.Column("enrol_key", sa.Unicode(length=64), nullable=False),
        sa.Column("event_key", sa.Unicode(length=64), nullable=True),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("reason", sa.Unicode(length=200), nullable=True),
        sa.Column("anchor_at", types.UtcDateTime(), nullable=False),
        sa.Column("data", types.JsonText(), nullable=False),
        sa.Column("data_at", types.UtcDateTime(), nullable=False),
        sa.Column("results", types.JsonText(), nullable=False),
        sa.Column("held_by", types.JsonText(), nullable=False),
        sa.Column("testing", sa.Boolean(), nullable=False),
        sa.Column("shift_seconds", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("counted_until", types.UtcDateTime(), nullable=False),
        sa.Column("left_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["journey_versions.id"], name=op.f("fk_enrolments_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolments")),
        sa.UniqueConstraint("enrol_key", name=op.f("uq_enrolments_enrol_key")),
    )
    op.create_index("ix_enrolments_journey_id", "enrolments", ["journey", "id"])
    op.create_index("ix_enrolments_journey_state_counted_until", "enrolments", ["journey", "state", "counted_until"])
    op.create_index("ix_enrolments_person", "enrolments", ["person"])

    op.create_table(
        "enrolment_steps",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("enrolment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("step", sa.Unicode(length=50), nullable=False),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("due_at", types.UtcDateTime(), nullable=True),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Unicode(length=200), nullable=True),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_enrolment_steps_enrolment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_steps")),
        sa.UniqueConstraint("enrolment_id", "step", name=op.f("uq_enrolment_steps_enrolment_id_step")),
    )
    op.create_index("ix_enrolment_steps_delivery_id", "enrolment_steps", ["delivery_id"])
    op.create_index("ix_enrolment_steps_state_due_at", "enrolment_steps", ["state", "due_at"])

    op.create_table(
        "journey_decisions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("enrolment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("step", sa.Unicode(length=50), nullable=True),
        sa.Column("kind", sa.Unicode(length=16), nullable=False),
        sa.Column("reason", sa.Unicode(length=200), nullable=True),
        sa.Column("due_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_journey_decisions_enrolment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey_decisions")),
    )
    op.create_index("ix_journey_decisions_enrolment_id", "journey_decisions", ["enrolment_id"])


def downgrade() -> None:
    """Drop them."""
    for name in ("journey_decisions", "enrolment_steps", "enrolments", "journey_versions", "journey_pauses"):
        op.drop_table(name)
