"""The tables of the carts: carts, orders of the shops, and the messages about carts."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0041"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "shop_orders",
        sa.Column("id", number, nullable=False),
        sa.Column("store", sa.Unicode(40), nullable=False),
        sa.Column("order_id", sa.Unicode(128), nullable=False),
        sa.Column("status", sa.Unicode(40), nullable=False),
        sa.Column("placed_at", types.UtcDateTime(), nullable=True),
        sa.Column("paid_at", types.UtcDateTime(), nullable=True),
        sa.Column("paid_on", types.Day, nullable=True),
        sa.Column("currency", sa.Unicode(8), nullable=True),
        sa.Column("net_minor", sa.BigInteger(), nullable=True),
        sa.Column("email", sa.Unicode(254), nullable=True),
        sa.Column("phone", sa.Unicode(20), nullable=True),
        sa.Column("customer_id", sa.Unicode(128), nullable=True),
        sa.Column("cart_ref", sa.Unicode(128), nullable=True),
        sa.Column("other_ref", sa.Unicode(128), nullable=True),
        sa.Column("codes", types.JsonText(), nullable=False),
        sa.Column("items", types.JsonText(), nullable=False),
        sa.Column("facts", types.JsonText(), nullable=False),
        sa.Column("notified", types.JsonText(), nullable=False),
        sa.Column("recovered_cart_id", number, nullable=True),
        sa.Column("recovered_message_id", number, nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_orders")),
        sa.UniqueConstraint("store", "order_id", name=op.f("uq_shop_orders_store_order_id")),
    )
    for column in ("paid_on", "email", "phone", "customer_id", "cart_ref", "other_ref", "recovered_cart_id"):
        op.create_index(op.f(f"ix_shop_orders_{column}"), "shop_orders", [column])
    op.create_table(
        "carts",
        sa.Column("id", number, nullable=False),
        sa.Column("store", sa.Unicode(40), nullable=False),
        sa.Column("cart_id", sa.Unicode(128), nullable=False),
        sa.Column("token", sa.Unicode(128), nullable=True),
        sa.Column("state", sa.Unicode(16), nullable=False),
        sa.Column("changed_at", types.UtcDateTime(), nullable=False),
        sa.Column("completed_at", types.UtcDateTime(), nullable=True),
        sa.Column("email", sa.Unicode(254), nullable=True),
        sa.Column("phone", sa.Unicode(20), nullable=True),
        sa.Column("first_name", sa.Unicode(100), nullable=True),
        sa.Column("last_name", sa.Unicode(100), nullable=True),
        sa.Column("customer_id", sa.Unicode(128), nullable=True),
        sa.Column("items", types.JsonText(), nullable=True),
        sa.Column("shown_currency", sa.Unicode(8), nullable=True),
        sa.Column("shown_minor", sa.BigInteger(), nullable=True),
        sa.Column("book_currency", sa.Unicode(8), nullable=True),
        sa.Column("book_minor", sa.BigInteger(), nullable=True),
        sa.Column("url", sa.Unicode(1000), nullable=True),
        sa.Column("variant", sa.Unicode(1), nullable=False),
        sa.Column("order_id", number, nullable=True),
        sa.Column("discount_seed", sa.Unicode(32), nullable=True),
        sa.Column("discount_code", sa.Unicode(100), nullable=True),
        sa.Column("discount_until", types.UtcDateTime(), nullable=True),
        sa.Column("facts", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carts")),
        sa.UniqueConstraint("store", "cart_id", name=op.f("uq_carts_store_cart_id")),
        sa.ForeignKeyConstraint(["order_id"], ["shop_orders.id"], name=op.f("fk_carts_order_id_shop_orders")),
    )
    for column in ("token", "changed_at", "email", "phone", "customer_id", "order_id", "discount_code"):
        op.create_index(op.f(f"ix_carts_{column}"), "carts", [column])
    op.create_table(
        "cart_messages",
        sa.Column("id", number, nullable=False),
        sa.Column("cart_id", number, nullable=False),
        sa.Column("delivery_id", number, nullable=False),
        sa.Column("enrolment_id", number, nullable=False),
        sa.Column("step", sa.Unicode(50), nullable=False),
        sa.Column("channel", sa.Unicode(16), nullable=False),
        sa.Column("variant", sa.Unicode(1), nullable=False),
        sa.Column("status", sa.Unicode(16), nullable=False),
        sa.Column("reason", sa.Unicode(200), nullable=True),
        sa.Column("sent_at", types.UtcDateTime(), nullable=True),
        sa.Column("opened_at", types.UtcDateTime(), nullable=True),
        sa.Column("clicked_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart_messages")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_cart_messages_delivery_id")),
        sa.ForeignKeyConstraint(["cart_id"], ["carts.id"], name=op.f("fk_cart_messages_cart_id_carts")),
    )
    for column in ("cart_id", "enrolment_id", "sent_at"):
        op.create_index(op.f(f"ix_cart_messages_{column}"), "cart_messages", [column])


def downgrade() -> None:
    """Take them away."""
    op.drop_table("cart_messages")
    op.drop_table("carts")
    op.drop_table("shop_orders")
