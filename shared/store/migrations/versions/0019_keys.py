"""Keys that outlive their rows."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of the keys whose rows retention has removed."""
    op.create_table(
        "used_keys",
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("removed_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_used_keys")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("used_keys")
