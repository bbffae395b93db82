"""What the calendar says under each of a booking's ids."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, the number that a booking gives for its lead, and the name by which journeys know it."""
    op.add_column("bookings", sa.Column("lead_ref", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
    op.add_column("bookings", sa.Column("instance", sa.Unicode(length=200), nullable=True))
    op.create_index("ix_bookings_lead_ref", "bookings", ["lead_ref"])
    op.create_table(
        "booking_uids",
        sa.Column("uid", sa.Unicode(length=200), nullable=False),
        sa.Column("booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("facts", types.JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_booking_uids_booking_id")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_booking_uids")),
    )
    op.create_index("ix_booking_uids_booking_id", "booking_uids", ["booking_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("booking_uids")
    op.drop_index("ix_bookings_lead_ref", table_name="bookings")
    for column in ("instance", "lead_ref"):
        op.drop_column("bookings", column)
