"""The table of Shopify's wishes about somebody's data."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0042"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "shop_wishes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Unicode(64), nullable=False),
        sa.Column("store", sa.Unicode(40), nullable=False),
        sa.Column("topic", sa.Unicode(40), nullable=False),
        sa.Column("state", sa.Unicode(16), nullable=False),
        sa.Column("request_id", sa.Unicode(128), nullable=True),
        sa.Column("customer_id", sa.Unicode(128), nullable=True),
        sa.Column("email", sa.Unicode(254), nullable=True),
        sa.Column("phone", sa.Unicode(20), nullable=True),
        sa.Column("orders", types.JsonText(), nullable=False),
        sa.Column("found", types.JsonText(), nullable=True),
        sa.Column("due_at", types.UtcDateTime(), nullable=False),
        sa.Column("done_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_wishes")),
        sa.UniqueConstraint("key", name=op.f("uq_shop_wishes_key")),
    )
    op.create_index(op.f("ix_shop_wishes_state"), "shop_wishes", ["state"])


def downgrade() -> None:
    """Take it away."""
    op.drop_table("shop_wishes")
