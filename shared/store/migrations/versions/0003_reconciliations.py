"""Reports of comparisons with Odoo."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asked_by", sa.Unicode(length=60), nullable=False),
        sa.Column("asked_at", types.UtcDateTime(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.Column("compared", sa.Integer(), nullable=True),
        sa.Column("in_step", sa.Integer(), nullable=True),
        sa.Column("repaired", sa.Integer(), nullable=True),
        sa.Column("held_back", sa.Integer(), nullable=True),
        sa.Column("counts", types.JsonText(), nullable=True),
        sa.Column("examples", types.JsonText(), nullable=True),
        sa.Column("error", sa.Unicode(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliations")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("reconciliations")
