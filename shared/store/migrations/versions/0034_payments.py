"""The tables of payments: one row for each payment, and one for each of Stripe's objects that belong to it."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0034"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "payments",
        sa.Column("id", number, nullable=False),
        sa.Column("payment_id", sa.Unicode(128), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Unicode(16), nullable=False),
        sa.Column("currency", sa.Unicode(8), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("received_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("lost_minor", sa.BigInteger(), nullable=False),
        sa.Column("dispute", sa.Unicode(40), nullable=True),
        sa.Column("failure", sa.Unicode(60), nullable=True),
        sa.Column("method", sa.Unicode(64), nullable=True),
        sa.Column("began_at", types.UtcDateTime(), nullable=False),
        sa.Column("paid_at", types.UtcDateTime(), nullable=True),
        sa.Column("paid_on", types.Day, nullable=True),
        sa.Column("billing_reason", sa.Unicode(40), nullable=True),
        sa.Column("order_ref", sa.Unicode(200), nullable=True),
        sa.Column("customer_id", sa.Unicode(128), nullable=True),
        sa.Column("email", sa.Unicode(254), nullable=True),
        sa.Column("phone", sa.Unicode(20), nullable=True),
        sa.Column("name", sa.Unicode(200), nullable=True),
        sa.Column("details", types.JsonText(), nullable=False),
        sa.Column("notified", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_payments_payment_id")),
    )
    for column in ("order_ref", "customer_id", "email"):
        op.create_index(op.f(f"ix_payments_{column}"), "payments", [column])
    op.create_index("ix_payments_live_paid_on", "payments", ["live", "paid_on"])
    op.create_table(
        "payment_objects",
        sa.Column("id", number, nullable=False),
        sa.Column("object_id", sa.Unicode(128), nullable=False),
        sa.Column("kind", sa.Unicode(20), nullable=False),
        sa.Column("parent", sa.Unicode(128), nullable=True),
        sa.Column("payment_id", number, nullable=True),
        sa.Column("facts", types.JsonText(), nullable=False),
        sa.Column("person", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_objects")),
        sa.UniqueConstraint("object_id", name=op.f("uq_payment_objects_object_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payment_objects_payment_id_payments")),
    )
    for column in ("parent", "payment_id"):
        op.create_index(op.f(f"ix_payment_objects_{column}"), "payment_objects", [column])


def downgrade() -> None:
    """Take them away."""
    op.drop_table("payment_objects")
    op.drop_table("payments")
