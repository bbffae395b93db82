"""Talking flows: where each person stands, and when the wait for an answer ends."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0053"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "journey_talks",
        sa.Column("enrolment_id", types.BigId, autoincrement=False, nullable=False),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("node", sa.Unicode(length=50), nullable=True),
        sa.Column("sent_at", types.UtcDateTime(), nullable=True),
        sa.Column("until", types.UtcDateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("moves", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Unicode(length=50), nullable=True),
        sa.Column("completed", sa.Boolean(), nullable=False),
        sa.Column("context", types.JsonText(), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_journey_talks_enrolment_id_enrolments")),
        sa.PrimaryKeyConstraint("enrolment_id", name=op.f("pk_journey_talks")),
    )
    op.create_index(op.f("ix_journey_talks_state_until"), "journey_talks", ["state", "until"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("journey_talks")
