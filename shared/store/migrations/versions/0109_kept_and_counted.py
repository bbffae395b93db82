"""Counted days have a number, by which retention walks over them; bookings and orders say whether only a test told of them."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0109"
down_revision = "0095"
branch_labels = None
depends_on = None

OF_TESTS = ("bookings", "shop_orders")


def _folds(*parts: sa.schema.SchemaItem, key: str) -> None:
    """The table anew, empty: the days that may still change are counted again within the hour, with the same figures."""
    op.drop_table("day_folds")
    op.create_table(
        "day_folds",
        *parts,
        sa.Column("day", types.Day, nullable=False),
        sa.Column("folded_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(key, name=op.f("pk_day_folds")),
    )


def upgrade() -> None:
    """Make the table of counted days anew, and add the columns: what is there was told of by real events."""
    number = sa.Column("id", types.BigId, nullable=False)
    _folds(number, sa.UniqueConstraint("day", name=op.f("uq_day_folds_day")), key="id")
    for table in OF_TESTS:
        op.add_column(table, sa.Column("of_test", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop the columns, and make the table of counted days as it was."""
    for table in OF_TESTS:
        op.drop_column(table, "of_test", mssql_drop_default=True)
    _folds(key="day")
