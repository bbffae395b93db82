"""Parts of a target that have a pace each: our numbers at WhatsApp."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0068"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "target_parts",
        sa.Column("target", sa.Unicode(50), primary_key=True),
        sa.Column("part", sa.Unicode(50), primary_key=True),
        sa.Column("next_call_at", types.UtcDateTime(), nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("target_parts")
