"""The code of a recipient's failure is kept whole: ours for a vendor's error may have more than 20 letters."""

import sqlalchemy as sa
from alembic import op

from shared.store import widening

revision = "0111"
down_revision = "0107"
branch_labels = None
depends_on = None

TABLE, COLUMN = "broadcast_recipients", "error_code"
SHORT, LONG = sa.Unicode(20), sa.Unicode(64)


def upgrade() -> None:
    """Widen the column."""
    widening.widen(TABLE, COLUMN, SHORT, LONG, nullable=True)


def downgrade() -> None:
    """Cut what does not fit, and make the column as it was."""
    rows = sa.table(TABLE, sa.column(COLUMN, LONG))
    code = rows.c[COLUMN]
    op.execute(
        rows.update().where(sa.func.length(code) > SHORT.length).values({COLUMN: sa.func.substring(code, 1, SHORT.length)})
    )
    with op.batch_alter_table(TABLE) as table:
        table.alter_column(COLUMN, existing_type=LONG, existing_nullable=True, type_=SHORT)
