"""A text column that may hold more than before: the change of a column that old code survives.

While a deployment runs, the code before works on the new schema (`deploy.database.breaks_expand_contract`). What it writes
still fits; what it reads may be longer, which a text in Python may always be. Every other change of a column takes something
away.
"""

import sqlalchemy as sa
from alembic import op


def widen(table: str, column: str, before: sa.Unicode, after: sa.Unicode, *, nullable: bool) -> None:
    """Let a text column hold `after`.

    Raises:
        ValueError: that is not more than `before`.
    """
    if after.length is not None and (before.length is None or after.length <= before.length):
        raise ValueError(f"{table}.{column}: {after.length} letters are not more than {before.length}")
    with op.batch_alter_table(table) as changed:
        changed.alter_column(column, existing_type=before, existing_nullable=nullable, type_=after)
