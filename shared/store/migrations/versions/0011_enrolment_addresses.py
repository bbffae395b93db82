"""By which addresses the people in journeys are known. No flow has enrolled anybody before it, so there is none to add."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "enrolment_addresses",
        sa.Column("enrolment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("who", sa.Unicode(length=32), nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_enrolment_addresses_enrolment_id")),
        sa.PrimaryKeyConstraint("enrolment_id", "who", name=op.f("pk_enrolment_addresses")),
    )
    op.create_index("ix_enrolment_addresses_who", "enrolment_addresses", ["who"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("enrolment_addresses")
