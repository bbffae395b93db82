"""What an event has changed, its trace, our own log lines of it; indexes by which the console finds them."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0077"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, the table and the indexes; of earlier events nothing is known."""
    op.add_column("inbox", sa.Column("changes", types.JsonText(), nullable=True))
    op.add_column("inbox", sa.Column("traceparent", sa.Unicode(length=55), nullable=True))
    op.create_table(
        "log_lines",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("level", sa.Unicode(length=10), nullable=False),
        sa.Column("logger", sa.Unicode(length=100), nullable=False),
        sa.Column("text", types.Note(2000), nullable=False),
        sa.Column("event", sa.Unicode(length=64), nullable=True),
        sa.Column("delivery_id", types.BigId, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_lines")),
    )
    op.create_index(op.f("ix_log_lines_at"), "log_lines", ["at"])
    op.create_index(op.f("ix_log_lines_event_id"), "log_lines", ["event", "id"])
    op.create_index(op.f("ix_log_lines_delivery_id_id"), "log_lines", ["delivery_id", "id"])
    op.create_index(op.f("ix_inbox_event_id"), "inbox", ["event_id"])
    op.create_index(op.f("ix_action_log_dead_letter_id"), "action_log", ["dead_letter_id"])
    op.create_index(op.f("ix_dead_letters_replay_of"), "dead_letters", ["replay_of"])
    op.create_index(op.f("ix_dead_letters_type_id"), "dead_letters", ["type", "id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index(op.f("ix_dead_letters_type_id"), table_name="dead_letters")
    op.drop_index(op.f("ix_dead_letters_replay_of"), table_name="dead_letters")
    op.drop_index(op.f("ix_action_log_dead_letter_id"), table_name="action_log")
    op.drop_index(op.f("ix_inbox_event_id"), table_name="inbox")
    op.drop_table("log_lines")
    with op.batch_alter_table("inbox") as table:
        table.drop_column("traceparent")
        table.drop_column("changes")
