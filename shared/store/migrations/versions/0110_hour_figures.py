"""How many attempts and events an hour had, for pages and reports that else read every one of them."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0110"
down_revision = "0111"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty: the job of each minute counts from a day before its first run."""
    op.create_table(
        "hour_figures",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("name", sa.Unicode(length=40), nullable=False),
        sa.Column("hour", types.UtcDateTime(), nullable=False),
        sa.Column("owner", sa.Unicode(length=100), nullable=False),
        sa.Column("part", sa.Unicode(length=100), nullable=False),
        sa.Column("result", sa.Unicode(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hour_figures")),
        sa.UniqueConstraint(
            "name", "hour", "owner", "part", "result", name=op.f("uq_hour_figures_name_hour_owner_part_result")
        ),
    )
    op.create_index(op.f("ix_hour_figures_hour"), "hour_figures", ["hour"])
    op.create_table(
        "hour_folds",
        sa.Column("name", sa.Unicode(length=40), nullable=False),
        sa.Column("begun_at", types.UtcDateTime(), nullable=False),
        sa.Column("counted_to", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_hour_folds")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("hour_folds")
    op.drop_index(op.f("ix_hour_figures_hour"), table_name="hour_figures")
    op.drop_table("hour_figures")
