"""Recipients of an execution in their order: a page of a million is read by an index instead of by sorting all of them."""

from alembic import op

revision = "0108"
down_revision = "0109"
branch_labels = None
depends_on = None

TABLE, INDEX = "broadcast_recipients", "ix_broadcast_recipients_execution_id_id"


def upgrade() -> None:
    """Add the index."""
    op.create_index(INDEX, TABLE, ["execution_id", "id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index(INDEX, table_name=TABLE)
